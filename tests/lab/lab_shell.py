"""Commands in the lab, as root or as an ordinary user, also such as never end.

What hangs in the kernel cannot be killed, and timeout(1) would wait for it. So whatever can hang is
started in the background, looked at through /proc, and given up.
"""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from charly_vm.errors import GuestError
from charly_vm.guest.command import describe
from charly_vm.model.protocols import Shell as Channel

RUN_SECONDS = 60.0
ATTEMPT_SECONDS = 5.0

# The command's own shell writes its process id and then becomes the command, so that it is the
# command that hangs and not something above it. All streams are files: who runs it here waits
# for pipes.
_START = """\
start() {
    directory=$(mktemp -d)
    chmod 755 "$directory"
    setsid sh -c '
        sh -c "echo \\$\\$ >\\$0/pid; exec sh -c \\"\\$1\\"" "$0" "$1" >"$0/out" 2>"$0/err"
        echo $? >"$0/status.new"; mv "$0/status.new" "$0/status"
    ' "$directory" "$1" </dev/null >/dev/null 2>&1 &
    until [ -s "$directory/pid" ]; do sleep 0.02; done
    read -r pid <"$directory/pid"
    echo "$directory $pid $!"
}
for command in "$@"; do start "$command"; done
"""
# For each directory a line: the status and both streams, or `none`.
_WAIT = """\
left=$1
shift
for directory in "$@"; do
    until [ -e "$directory/status" ] || [ "$left" -le 0 ]; do
        left=$((left - 1))
        sleep 0.05
    done
    if [ -e "$directory/status" ]; then
        cd "$directory"
        read -r status <status
        echo "$status,$(base64 --wrap=0 out),$(base64 --wrap=0 err)"
    else
        echo none
    fi
done
"""
_WAIT_UNTIL_OPEN = """\
until grep -q open "$1/out" || [ -e "$1/status" ]; do sleep 0.02; done
cat "$1/err"
"""
# Two lines and the stack. A shell may run its last command by itself or in a child.
_LOOK = """\
pid=$1
# Without an end of line.
while { read -r child _ <"/proc/$pid/task/$pid/children" || [ -n "${child-}" ]; }; do
    [ -n "$child" ] || break
    pid=$child
    child=
done 2>/dev/null
echo "$pid"
state=
{ read -r line <"/proc/$pid/stat"; } 2>/dev/null && state=${line##*) }
echo "${state%% *}"
cat "/proc/$pid/stack" 2>/dev/null || true
"""
_FRAME = re.compile(r"\[<0>\] ([^+\s]+)")


@dataclass(frozen=True)
class Ended:
    """What a command left."""

    status: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Process:
    """A process as the kernel sees it."""

    pid: int
    state: str
    """As ps(1) says it: D is in the kernel and cannot be interrupted. Empty where it is gone."""
    frames: tuple[str, ...]
    """The functions of the kernel that it is in, innermost first."""


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
        return wait_for_all([self], seconds)[0]

    def require_end(self, seconds: float = ATTEMPT_SECONDS) -> Ended:
        ended = self.wait(seconds)
        assert ended is not None, (
            f"{self.command!r} has not ended after {seconds:g} s: {self.look()}"
        )
        return ended

    def look(self) -> Process:
        """Its process at this moment, of several that wait for each other the innermost."""
        pid, state, *stack = self.root.script(_LOOK, str(self.pid)).splitlines()
        frames = [match[1] for line in stack if (match := _FRAME.match(line))]
        return Process(int(pid), state, tuple(frames))

    def require_hanging(self, seconds: float = 1) -> Process:
        """Its process, which has to be in the kernel, uninterruptibly, for so long already."""
        ended = self.wait(seconds)
        assert ended is None, f"{self.command!r} does not hang: {ended}"
        process = self.look()
        assert process.state == "D", process
        return process

    def kill(self) -> None:
        """kill -9, of the command and of all that it has started; nobody waits for the end."""
        self.root.run(f"kill -s KILL -- -{self.group} {self.pid} 2>/dev/null", check=False)


@dataclass(frozen=True)
class Shell:
    """An account of the lab's."""

    channel: Channel
    """What runs commands, as root."""
    account: str = "root"

    def run(
        self,
        command: str,
        *,
        timeout: float = RUN_SECONDS,
        check: bool = True,
        stdin: bytes | None = None,
    ) -> Ended:
        """Run a command to its end, by `sh` in the account's home. Raises `GuestError` where it
        fails, unless `check` is false, and `GuestTimeout` where it takes too long: use `start` or
        `attempt` for what may hang."""
        words = f"cd; {command}"
        if self.account != "root":
            words = f"runuser -u {self.account} -- sh -c {shlex.quote(words)}"
        # The guest agent is a service, and knows of no home.
        home = f"export HOME=~{self.account}"
        done = self.channel.run(f"{home}; {words}", timeout=timeout, stdin=stdin)
        ended = Ended(done.status, _text(done.stdout), _text(done.stderr))
        if check and ended.status != 0:
            error = GuestError(f"{describe(command)} failed in the lab with {ended.status}")
            error.add_excerpt("it said", ended.stderr or ended.stdout)
            raise error
        return ended

    @property
    def root(self) -> Shell:
        return Shell(self.channel)

    def script(self, text: str, *words: str, timeout: float = RUN_SECONDS) -> str:
        """What a shell script says that has these words as $1, $2, …"""
        command = f"set -eu -- {shlex.join(words)}\n{text}"
        return self.run(command, timeout=timeout).stdout

    def charly(self, *words: str, timeout: float = RUN_SECONDS, check: bool = False) -> Ended:
        """`charly` of the checkout under test."""
        return self.run(shlex.join(["charly", *words]), timeout=timeout, check=check)

    def python(self, code: str, *words: str, timeout: float = RUN_SECONDS) -> Any:
        """What some Python prints, read as JSON. It has imported the checkout under test, and has
        the words in `sys.argv[1:]`."""
        done = self.run(shlex.join(["charly-python", code, *words]), timeout=timeout)
        try:
            return json.loads(done.stdout)
        except ValueError:
            raise GuestError(f"that is no JSON: {done.stdout!r}") from None

    def start(self, command: str) -> Background:
        """Start a command in the background; returns once it runs."""
        return self.start_all([command])[0]

    def start_all(self, commands: Sequence[str]) -> list[Background]:
        """`start`, for several."""
        lines = self.script(_START, *commands).splitlines()
        return [
            Background(self.root, command, directory, int(pid), int(group))
            for command, line in zip(commands, lines, strict=True)
            for directory, pid, group in [line.split()]
        ]

    def attempt(self, command: str, seconds: float = ATTEMPT_SECONDS) -> Ended | None:
        """Run a command that may hang: what it left, or None where it had not ended after some
        seconds. It goes on then."""
        return self.start(command).wait(seconds)

    def hold(self, path: str) -> Background:
        """Have a process keep a file open, until it is killed. Root's is of no service."""
        # Else it were of the guest agent's, and charly would say to stop that.
        leave = "echo $$ >/sys/fs/cgroup/cgroup.procs; " if self.account == "root" else ""
        keep = f"exec 3<{shlex.quote(path)} && echo open && exec sleep infinity"
        held = self.start(leave + keep)
        refusal = self.script(_WAIT_UNTIL_OPEN, held.directory)
        assert not refusal, refusal
        return held


def _text(said: bytes) -> str:
    return said.decode("utf-8", "replace")


def _ticks(seconds: float) -> str:
    return str(max(1, int(seconds / 0.05)))


def wait_for_all(
    started: Sequence[Background], seconds: float = ATTEMPT_SECONDS
) -> list[Ended | None]:
    """What each of them left, or None where it has not ended within the seconds, which are for all
    of them together."""
    directories = [one.directory for one in started]
    said = started[0].root.script(_WAIT, _ticks(seconds), *directories, timeout=seconds + 30)
    return [_read_end(line) for line in said.splitlines()]


def _read_end(line: str) -> Ended | None:
    if line == "none":
        return None
    status, out, err = line.split(",")
    return Ended(int(status), _text(base64.b64decode(out)), _text(base64.b64decode(err)))
