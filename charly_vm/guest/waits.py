"""Waiting for something in a guest; each wait ends at once on a state that can never become good.

`GuestTimeout` says what was awaited and what was last seen, `NeverReady` why it cannot come.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TypeVar

from charly_vm.errors import GuestError
from charly_vm.host.waiting import Deadline, NotYet, wait_for
from charly_vm.model.protocols import Shell

T = TypeVar("T")

SECONDS = 60.0
EVERY = 0.5
"""Seconds between two looks; each costs the guest a command."""

_THROUGH_A_FILE = 20
_LOOK = """
if [ -e "$path" ] || [ -L "$path" ]; then exit 0; fi
while [ -n "${path%/*}" ] && [ "$path" != "${path%/*}" ]; do
  path=${path%/*}
  if [ -e "$path" ] && [ ! -d "$path" ]; then exit 20; fi
done
exit 1
"""
"""Whether `$path` is there, could be, or cannot (20)."""


class NeverReady(GuestError):
    """What is awaited can never come."""


class Waits:
    """The waits of one guest."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def for_unit(self, unit: str, *, timeout: float = SECONDS) -> None:
        """Return once a systemd unit is active.

        Raises `NeverReady` where it has failed, is not there, is masked, or is inactive with
        nothing about to start it.
        """
        name = unit if "." in unit else f"{unit}.service"
        quoted = shlex.quote(name)
        properties = "LoadState,ActiveState,SubState,Job,Result"
        # What still starts may start it too, until the manager has nothing left to do.
        ask = f"systemctl list-jobs --no-legend | wc -l; systemctl show -p {properties} {quoted}"

        def probe() -> bool | NotYet:
            jobs, _, said = self._ask(ask).partition("\n")
            shown = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
            return _judge_unit(name, shown, jobs=int(jobs or 0))

        wait_for(f"{name} to be active", probe, Deadline(timeout), every=EVERY)

    def for_port(self, port: int, *, timeout: float = SECONDS) -> None:
        """Return once something in the guest listens on a TCP port, at whichever address."""
        wanted = f":{port:04X} "

        def probe() -> bool | NotYet:
            lines = self._ask("cat /proc/net/tcp /proc/net/tcp6 2>/dev/null").splitlines()
            # The second field is our own address, the fourth the state: 0A is TCP_LISTEN.
            rows = [line.split() for line in lines if wanted in line]
            listens = any(row[1].endswith(wanted.strip()) and row[3] == "0A" for row in rows)
            return True if listens else NotYet("nothing listens on it")

        wait_for(f"port {port} of the guest to listen", probe, Deadline(timeout), every=EVERY)

    def for_file(self, path: str, *, timeout: float = SECONDS) -> None:
        """Return once a path is there; raises `NeverReady` where it goes through a file."""

        def probe() -> bool | NotYet:
            look = f"path={shlex.quote(path)}{_LOOK}"
            status = self._shell.run(look, timeout=SECONDS).status
            if status == _THROUGH_A_FILE:
                why = "it goes through what is no directory"
                raise NeverReady(f"{path} will never be there: {why}")
            return True if status == 0 else NotYet("nothing there")

        wait_for(f"{path} to be there", probe, Deadline(timeout), every=EVERY)

    def until(self, what: str, holds: Callable[[], T], *, timeout: float = SECONDS) -> T:
        """Ask `holds` until what it returns is true in Python's sense, and return that.

        What it raises comes through at once. `what` is for people: "the database to answer".
        """

        def probe() -> T | NotYet:
            found = holds()
            return found if found else NotYet(repr(found))

        return wait_for(what, probe, Deadline(timeout), every=EVERY)

    def _ask(self, command: str) -> str:
        return self._shell.run(command, timeout=SECONDS).stdout.decode("utf-8", "replace")


def _judge_unit(name: str, shown: dict[str, str], *, jobs: int) -> bool | NotYet:
    load, active = shown.get("LoadState", "unknown"), shown.get("ActiveState", "unknown")
    if active == "active":
        return True
    seen = f"{active} ({shown.get('SubState', 'unknown')})"
    if active == "failed":
        raise NeverReady(
            f"{name} has failed ({shown.get('Result', 'unknown')})",
            hint=f"its own words: `journalctl -u {name}` in the guest",
        )
    if load in ("not-found", "masked", "bad-setting", "error"):
        raise NeverReady(f"{name} will never be active: it is {load}")
    if active == "inactive" and not jobs and shown.get("Job", "0") in ("", "0"):
        raise NeverReady(f"{name} will never be active: it is inactive, and nothing starts it")
    return NotYet(seen)
