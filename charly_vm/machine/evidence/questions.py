"""What a guest is asked for its evidence, in shell. Any guest may lack any of the programs.

A question says on standard output what becomes its file, and complains on standard error. It is
asked as root where that can be had.
"""

from __future__ import annotations

from dataclasses import dataclass

from charly_vm.guest.command import quote

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Question:
    """`command`'s standard output becomes `file`, of which the last `size` bytes are kept."""

    file: str
    command: str
    size: int = MEBIBYTE


def _show(*commands: str) -> str:
    """Each command with what it says below it; those that are not there say so."""
    shown = (f"echo {quote(f'$ {command}')}; {{ {command}; }} 2>&1; echo" for command in commands)
    return "; ".join(shown)


# Where there is no systemd there may be a syslogd.
_JOURNAL = """\
journalctl --boot --no-pager --output=short-precise --lines=5000 && exit
for log in /var/log/syslog /var/log/messages; do
    [ ! -r $log ] || { tail -n 5000 $log; exit; }
done"""

# systemd's own jobs tell of a boot that still waits for something.
_FAILED_UNITS = """\
state=$(systemctl is-system-running)
case $state in
    '') exit ;;
    offline) echo "systemd does not run in this guest" >&2; exit ;;
esac
echo "the system is $state"
units=$(systemctl list-units --state=failed --plain --no-legend --no-pager | cut -d ' ' -f 1)
[ -n "$units" ] || echo "no unit has failed"
for unit in $units; do
    echo; echo "$ systemctl status $unit"
    systemctl status --no-pager --full --lines=50 "$unit"
done
echo; echo '$ systemctl list-jobs'
systemctl list-jobs --no-pager"""

_NETWORK = f"""\
has() {{ command -v "$1" >/dev/null; }}
if has ip; then {_show("ip addr", "ip route", "ip -6 route", "ip neigh")}
else {_show("cat /proc/net/dev /proc/net/route")}
fi
{_show("cat /etc/resolv.conf")}
if has ss; then {_show("ss -tuanp")}
elif has netstat; then {_show("netstat -tuanp 2>/dev/null || netstat -tuan")}
else {_show("cat /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6")}
fi"""

_SYSTEM = _show("uptime", "free -m", "df -h", "df -i", "ps -ef || ps")

QUESTIONS = (
    Question("dmesg.txt", "dmesg"),
    Question("failed-units.txt", _FAILED_UNITS),
    Question("network.txt", _NETWORK),
    Question("system.txt", _SYSTEM),
    Question("cloud-init-result.json", "cat /run/cloud-init/result.json"),
    Question("cloud-init-status.json", "cat /run/cloud-init/status.json"),
    Question("cloud-init-output.log", "cat /var/log/cloud-init-output.log"),
    Question("cloud-init.log", "cat /var/log/cloud-init.log"),
    Question("journal.txt", _JOURNAL, 4 * MEBIBYTE),
)
"""The quick ones first: time may run out."""


BECOME_ROOT = """\
if [ "$(id -u)" != 0 ] && sudo -n true </dev/null 2>/dev/null; then exec sudo -n sh; fi
exec sh"""
"""Runs the script on its standard input as root where the account is it or may become it unasked,
else as the account. Not every SSH server takes a long command."""


def render_script(question: Question) -> str:
    """A question as a shell script; it says one byte more than is kept where there is more."""
    # sh has read all of it before any of its commands could take it for its own input.
    return f"{{\n{question.command}\n}} </dev/null | tail -c {question.size + 1}\n"


def cut_to(data: bytes, size: int) -> bytes:
    """The last `size` bytes, and before them a line that says so where there were more."""
    if len(data) <= size:
        return data
    # From the next line on: the first one is not whole.
    kept = data[-size:]
    _, _, rest = kept.partition(b"\n")
    kept = rest or kept
    return f"[cut: these are the last {len(kept)} bytes]\n".encode() + kept


def last_line(text: str) -> str:
    """What a program complains about, as a reason in one line."""
    lines = text.strip().splitlines() or [""]
    return lines[-1].strip()[:500]
