"""Machines that are kept to look at, and the end of that: whichever command of ours comes next
removes those whose time is over, and so does a timer of the user's systemd where there is one."""

from __future__ import annotations

from pathlib import Path

from charly_vm.errors import CharlyError
from charly_vm.host.own_command import find_charly
from charly_vm.host.process import find_tool, run
from charly_vm.host.progress import SILENT, Progress
from charly_vm.host.user_units import SYSTEMCTL_SECONDS, has_user_systemd
from charly_vm.machine.prune import prune_machine
from charly_vm.machine.records import find_expired

KEEP_SECONDS = 24 * 3600.0
"""For how long a machine is kept whose bed does not say `ephemeral: {ttl: …}`."""


def remove_expired(progress: Progress = SILENT) -> list[str]:
    """Remove the machines whose time is over, but for those that somebody works on, and return what
    was removed, in words. One that cannot be removed is said, and left for the next command."""
    removed = []
    for record in find_expired():
        try:
            removed += prune_machine(record.machine.domain, progress=progress)
        except CharlyError as error:
            progress.note(f"{record.label} has expired and cannot be removed: {error.message}")
    return removed


def arrange_removal(domain: str, seconds: float) -> None:
    """Have the user's systemd remove it in time, where one runs; any command does it otherwise."""
    systemd_run = find_tool("systemd-run")
    if systemd_run is None or not has_user_systemd():
        return
    words: list[str | Path] = [
        systemd_run, "--user", "--quiet", "--collect", f"--unit=charly-expire-{domain}",
        f"--on-active={seconds + 1:.0f}s", find_charly(), "vm", "prune",
    ]  # fmt: skip
    # A timer of that name may wait already, of an earlier time that it was kept.
    run(words, timeout=SYSTEMCTL_SECONDS, check=False)
