"""A command in a guest: how it is put to whatever shell the account has, how it and what it started
are ended from outside, and what it leaves."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from charly_vm.host.process import describe_status

DESCRIPTION_LENGTH = 80
PID_MARK = "charly-command-pid"
_PID_LINE = re.compile(rb"(?m)^" + PID_MARK.encode() + rb" ([0-9]+)\n")

# A command is ended by its session: job control and timeout(1) leave the process group, and few
# leave the session. sshd makes the process a session's leader, dropbear does not.
# The fields of /proc/<pid>/stat are in proc(5); the name in the second has no blank here.
# The command is evaluated, since one more sh costs an emulated guest as much as most checks do, and
# finds neither an argument nor a variable of ours.
_START = f"""\
read -r _ _ _ _ _ session _ </proc/$$/stat
echo "{PID_MARK} $$" >&2
[ "$session" != $$ ] && command -v setsid >/dev/null && exec setsid sh -c "$1"
eval "unset session; shift; $1"
"""

# $0 is the session's id. A child that has made a session of its own (su does) is found by its
# parent, and what that session holds by its id. Only what sh itself can do, plus kill and sleep: a
# minimal guest has no pkill. sudo is for what runs as somebody else, where it may be used unasked.
_END = """\
has() { case $1 in *" $2 "*) ;; *) return 1 ;; esac; }
find_members() {
    members=" "
    before=
    while [ "$members" != "$before" ]; do
        before=$members
        for stat in /proc/[0-9]*/stat; do
            { read -r line <"$stat"; } 2>/dev/null || continue
            pid=${line%% *}
            set -- ${line##*) }
            [ "$1" = Z ] || has "$members" $pid && continue
            has "$sessions" $4 || has "$sessions" $pid || has "$members" $2 || continue
            members="$members$pid "
            [ "$4" != $pid ] || has "$sessions" $pid || sessions="$sessions$pid "
        done
    done
    [ "$members" != " " ]
}
sessions=" $0 "
for signal in TERM KILL; do
    find_members || exit 0
    kill -s $signal $members 2>/dev/null || sudo -n kill -s $signal $members 2>/dev/null
    for attempt in 1 2 3 4 5 6 7 8 9 10; do
        find_members || exit 0
        sleep 0.1 2>/dev/null || sleep 1
    done
done
exit 1
"""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a finished command left. `status` is its exit status, negative for the signal that
    ended it (as in `subprocess`)."""

    command: str
    status: int
    stdout: bytes = field(repr=False)
    stderr: bytes = field(repr=False)
    seconds: float

    @property
    def stdout_text(self) -> str:
        """Standard output as UTF-8, with replacement characters for what is not."""
        return self.stdout.decode("utf-8", "replace")

    @property
    def stderr_text(self) -> str:
        """Standard error as UTF-8, with replacement characters for what is not."""
        return self.stderr.decode("utf-8", "replace")

    def explain(self) -> str:
        """How it ended, in words: `exit status 3`, `ended by SIGKILL`."""
        return describe_status(self.status)


def render_start(command: str) -> str:
    """What to send to sshd so that `sh` runs the command, whatever the account's login shell is.

    The command becomes a session of its own, and says its id on a first line of standard error,
    which `split_pid_line` takes out again.
    """
    return f"exec sh -c {quote(_START)} sh {quote(command)}"


def render_end(session: int) -> str:
    """A command that ends all of a session, politely and then by force, in about 2 s at most.

    It exits with 0 when nothing is left. A daemon, in a session of its own and nobody's child any
    more, is not found.
    """
    return f"exec sh -c {quote(_END)} {session}"


def split_pid_line(data: bytes) -> tuple[int, bytes] | None:
    """The id that a command said, and standard error without that line; None if it is not there
    yet. What stands before it comes from the login shell's own start-up files."""
    found = _PID_LINE.search(data)
    if found is None:
        return None
    return int(found[1]), data[: found.start()] + data[found.end() :]


def quote(text: str) -> str:
    """One word of a command line, for sh, bash, zsh and fish alike.

    `shlex.quote` is not enough: fish knows backslash escapes inside single quotes. So a backslash
    and a single quote stand outside, each behind a backslash.
    """
    return "'" + re.sub(r"['\\]", lambda special: f"'\\{special[0]}'", text) + "'"


def describe(command: str) -> str:
    """A command in a message: its first line, shortened."""
    lines = command.strip().splitlines() or [""]
    text = lines[0]
    if len(lines) > 1 or len(text) > DESCRIPTION_LENGTH:
        text = text[:DESCRIPTION_LENGTH] + " …"
    return f"`{text}`"
