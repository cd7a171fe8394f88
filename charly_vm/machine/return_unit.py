"""The unit of the user's systemd that brings holders back after the host has been booted anew while
they had given way. It is there only while some have."""

from __future__ import annotations

from charly_vm.host.own_command import find_charly
from charly_vm.host.progress import Progress
from charly_vm.host.user_units import disable_unit, enable_unit, is_enabled

UNIT = "charly-restore.service"

_TEXT = """\
# Written by charly while machines are stopped for claimants; it removes it with the last of them.
[Unit]
Description=Start again what has given way to a claimant of charly's

[Service]
Type=oneshot
# What it starts outlives it.
RemainAfterExit=yes
KillMode=process
ExecStart="{charly}" preempt restore

[Install]
WantedBy=default.target
"""


def arrange_return(progress: Progress) -> None:
    """Have the holders that are down come back also after a boot of the host; what is missing for
    that is noted."""
    if is_enabled(UNIT):
        return
    for missing in enable_unit(UNIT, _TEXT.format(charly=find_charly())):
        # A host without systemd has nothing to be told: there, the next command starts them.
        if missing.startswith("run "):
            progress.note(f"{missing}, to have what gave way started when this host boots")


def cancel_return() -> None:
    """None is down any more."""
    disable_unit(UNIT)
