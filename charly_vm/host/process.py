"""Every process that charly starts: the only module that imports `subprocess`.

`run` waits for a command and returns what it said; `spawn` starts one that outlives the call.
Commands are argv lists, never shell strings; standard input is closed; a child that overruns is
asked to end, then killed, and always reaped.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from charly_vm.errors import HostError, LaunchError

TERM_GRACE_SECONDS = 3.0
DRAIN_SECONDS = 1.0
"""For the last output of what was ended; a daemon may keep the streams open for ever."""
LOG_LINES = 20


@dataclass(frozen=True, slots=True)
class Completed:
    """What a finished command left: its status (negative for a signal) and both streams as text."""

    argv: tuple[str, ...]
    status: int
    stdout: str
    stderr: str


def find_tool(name: str) -> Path | None:
    """The path of an executable, also in the sbin directories that a user's PATH leaves out."""
    path = os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin:/sbin"
    found = shutil.which(name, path=path)
    return Path(found) if found else None


def require_tool(name: str, *, package: str) -> Path:
    """The path of an executable, or a `HostError` that names the package to install."""
    found = find_tool(name)
    if found is None:
        raise HostError(
            f"the program {name} is not installed",
            hint=f"install {package}, or run `charly doctor` to see all that is missing",
        )
    return found


def run(
    argv: Sequence[str | Path],
    *,
    timeout: float,
    check: bool = True,
    what: str = "",
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    show_stderr: bool = False,
) -> Completed:
    """Run a command to its end.

    `env` is added to a copy of our environment. With `show_stderr` its standard error is ours, for
    people to watch, and the result has none. Raises `LaunchError` when the status is not 0
    (unless `check` is false) or when `timeout` seconds have passed, and `HostError` when the
    program is not there.
    """
    words = [str(word) for word in argv]
    child = _start(
        words,
        stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=None if show_stderr else subprocess.PIPE,
        env=env,
        cwd=cwd,
        start_new_session=True,
    )
    label = what or words[0]
    try:
        out, err = child.communicate(stdin.encode() if stdin is not None else None, timeout=timeout)
    except subprocess.TimeoutExpired:
        out, err = end_group(child)
        raise LaunchError(
            f"{label} took longer than {timeout:.0f} s and was ended",
            argv=words,
            log=tail_text(_text(out) + _text(err)),
        ) from None
    except BaseException:
        end_group(child)
        raise
    done = Completed(tuple(words), child.returncode, _text(out), _text(err))
    if check and done.status != 0:
        raise LaunchError(
            f"{label} failed ({describe_status(done.status)})",
            argv=words,
            status=done.status,
            log=tail_text(done.stderr or done.stdout),
        )
    return done


def spawn(
    argv: Sequence[str | Path],
    *,
    output: IO[bytes],
    stdin: int = subprocess.DEVNULL,
    pass_fds: Iterable[int] = (),
    env: Mapping[str, str] | None = None,
    own_session: bool = True,
) -> subprocess.Popen[bytes]:
    """Start a process that may outlive us, both streams into `output`, in a session of its own
    unless it has to ask at our terminal.

    It runs in `/`, so that it keeps no directory of the caller's in use: paths are absolute. The
    caller reaps it for as long as it is the parent. `stdin` is a descriptor, which stays open here.
    """
    return _start(
        [str(word) for word in argv],
        stdin=stdin,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=env,
        cwd=Path("/"),
        pass_fds=tuple(pass_fds),
        start_new_session=own_session,
    )


def interact(argv: Sequence[str | Path]) -> int:
    """Run a command on our own terminal and return its exit status."""
    child = _start([str(word) for word in argv])
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            # The terminal sent it to the child as well, which decides what it means.
            continue


def describe_status(status: int) -> str:
    """An exit status in words: `exit status 3`, `ended by SIGKILL`."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"ended by signal {-status}"


def tail_text(text: str, lines: int = LOG_LINES) -> str:
    """The last lines of a text."""
    return "\n".join(text.rstrip().splitlines()[-lines:])


def _start(
    words: list[str],
    *,
    env: Mapping[str, str] | None = None,
    stdin: int | None = None,
    stdout: int | IO[bytes] | None = None,
    stderr: int | None = None,
    cwd: Path | None = None,
    pass_fds: tuple[int, ...] = (),
    start_new_session: bool = False,
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            words,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=cwd,
            env={**os.environ, **env} if env else None,
            pass_fds=pass_fds,
            start_new_session=start_new_session,
        )
    except OSError as error:
        # A directory of PATH that is closed to us is reported instead of a program in none of them.
        searched = "/" not in words[0]
        if isinstance(error, FileNotFoundError) or (searched and find_tool(words[0]) is None):
            raise HostError(
                f"the program {words[0]} is not installed",
                hint="run `charly doctor` to see what is missing and how to get it",
            ) from None
        raise HostError(f"cannot start {words[0]}: {error.strerror}") from error


def end_group(child: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """End a child and what it started, politely and then by force; returns what they said."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        # Also when the child itself has ended: what it started may not have listened.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(TERM_GRACE_SECONDS)
    try:
        return child.communicate(timeout=DRAIN_SECONDS)
    except subprocess.TimeoutExpired as held_open:
        for stream in (child.stdin, child.stdout, child.stderr):
            if stream is not None:
                stream.close()
        return held_open.output or b"", held_open.stderr or b""


def _text(data: bytes | None) -> str:
    return (data or b"").decode("utf-8", "replace")
