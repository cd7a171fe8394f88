"""Commands in the lab, as root or as an ordinary user, also such as never end.

What hangs in the kernel cannot be killed, and timeout(1) would wait for it. So whatever can hang is
started in the background, looked at through /proc, and given up.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from typing import Any

from charly_vm.errors import GuestError
from charly_vm.guest.command import CommandResult
from charly_vm.guest.ssh import SshGuest

RUN_SECONDS = 60.0
ATTEMPT_SECONDS = 5.0

# The command's own shell writes its process id and then becomes the command, so that it is the
# command that hangs and not something above it. All streams are files: sshd waits for pipes.
_START = """\
directory=$(mktemp -d)
chmod 755 "$directory"
setsid sh -c '
    sh -c "echo \\$\\$ >\\$0/pid; exec sh -c \\"\\$1\\"" "$0" "$1" >"$0/out" 2>"$0/err"
    echo $? >"$0/status.new"; mv "$0/status.new" "$0/status"
' "$directory" "$1" </dev/null >/dev/null 2>&1 &
until [ -s "$directory/pid" ]; do sleep 0.02; done
echo "$directory $(cat "$directory/pid") $!"
"""
# Its status and the length of its standard output, then both streams.
_WAIT = """\
left=$2
until [ -e "$1/status" ]; do
    [ "$left" -gt 0 ] || { echo none; exit 0; }
    left=$((left - 1))
    sleep 0.05
done
echo "$(cat "$1/status") $(wc -c <"$1/out")"
cat "$1/out" "$1/err"
"""
_WAIT_UNTIL_OPEN = """\
until grep -q open "$1/out" || [ -e "$1/status" ]; do sleep 0.02; done
cat "$1/err"
"""
_ATTEMPT = f"""\
{_START}
set -- "$directory" "$2"
{_WAIT}
"""


@dataclass(frozen=True)
class Ended:
    """What a command in the background left."""

    status: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Background:
    """A command in the lab that runs while the test goes on, or hangs."""

    root: Shell
    command: str
    directory: str
    pid: int
    """The command's own, or of the shell that runs it."""
    group: int

    def wait(self, seconds: float = ATTEMPT_SECONDS) -> Ended | None:
        """What it left, or None where it has not ended within some seconds."""
        said = self.root.script(_WAIT, self.directory, _ticks(seconds), timeout=seconds + 30)
        return _read_end(said)

    def require_end(self, seconds: float = ATTEMPT_SECONDS) -> Ended:
        ended = self.wait(seconds)
        assert ended is not None, (
            f"{self.command!r} has not ended after {seconds:g} s; state {self.state!r}:\n"
            f"{self.stack}"
        )
        return ended

    @property
    def state(self) -> str:
        """Of its process, as ps(1) says it: D is in the kernel and cannot be interrupted. Empty
        where the process is gone."""
        done = self.root.run(f"cat /proc/{self.pid}/stat", check=False)
        # The name, in parentheses, may have anything in it.
        return done.stdout_text.rpartition(")")[2].split()[0] if done.status == 0 else ""

    @property
    def stack(self) -> str:
        """Where in the kernel it is, innermost first; empty where it is not."""
        return self.root.run(f"cat /proc/{self.pid}/stack", check=False).stdout_text

    @property
    def frames(self) -> list[str]:
        """The functions of `stack`."""
        return re.findall(r"^\[<0>\] ([^+\s]+)", self.stack, re.MULTILINE)

    def kill(self) -> None:
        """kill -9, of the command and of all that it has started; nobody waits for the end."""
        self.root.run(f"kill -s KILL -- -{self.group} {self.pid} 2>/dev/null", check=False)


@dataclass(frozen=True)
class Shell:
    """An account of the lab's."""

    guest: SshGuest
    root: SshGuest

    def run(
        self,
        command: str,
        *,
        timeout: float = RUN_SECONDS,
        check: bool = True,
        stdin: bytes | None = None,
    ) -> CommandResult:
        """Run a command to its end, by `sh`. Raises `GuestError` where it fails, unless `check` is
        false, and `GuestTimeout` where it takes too long: use `start` for what may hang."""
        return self.guest.run(command, timeout=timeout, check=check, stdin=stdin)

    def script(self, text: str, *words: str, timeout: float = RUN_SECONDS) -> str:
        """What a shell script says that has these words as $1, $2, …"""
        command = f"set -eu -- {shlex.join(words)}\n{text}"
        return self.run(command, timeout=timeout).stdout_text

    def charly(
        self, *words: str, timeout: float = RUN_SECONDS, check: bool = False
    ) -> CommandResult:
        """`charly` of the checkout under test."""
        return self.run(shlex.join(["charly", *words]), timeout=timeout, check=check)

    def python(self, code: str, *words: str, timeout: float = RUN_SECONDS) -> Any:
        """What some Python prints, read as JSON. It can import the checkout under test, and has the
        words in `sys.argv[1:]`."""
        done = self.run(shlex.join(["python3", "-c", code, *words]), timeout=timeout)
        try:
            return json.loads(done.stdout_text)
        except ValueError:
            raise GuestError(f"that is no JSON: {done.stdout_text!r}") from None

    def start(self, command: str) -> Background:
        """Start a command in the background; returns once it runs."""
        directory, pid, group = self.script(_START, command).split()
        return Background(Shell(self.root, self.root), command, directory, int(pid), int(group))

    def attempt(self, command: str, seconds: float = ATTEMPT_SECONDS) -> Ended | None:
        """Run a command that may hang: what it left, or None where it had not ended after some
        seconds. It goes on then."""
        said = self.script(_ATTEMPT, command, _ticks(seconds), timeout=seconds + 30)
        return _read_end(said.partition("\n")[2])

    def hold(self, path: str) -> Background:
        """Have a process keep a file open, until it is killed."""
        held = self.start(f"exec 3<{shlex.quote(path)} && echo open && exec sleep infinity")
        refusal = self.script(_WAIT_UNTIL_OPEN, held.directory)
        assert not refusal, refusal
        return held


def _ticks(seconds: float) -> str:
    return str(max(1, int(seconds / 0.05)))


def _read_end(said: str) -> Ended | None:
    head, _, streams = said.partition("\n")
    if head == "none":
        return None
    status, length = head.split()
    # In bytes, and what these commands say is ASCII.
    return Ended(int(status), streams[: int(length)], streams[int(length) :])
