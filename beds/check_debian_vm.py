"""The smallest useful bed: a Debian guest that answers."""

from __future__ import annotations

from testinfra.host import Host

from pytest_charly import Bed

bed = Bed("check-debian-vm")


def test_ssh_runs(guest: Host) -> None:
    assert guest.run("id -un").stdout == "charly\n"


def test_nothing_failed(guest: Host) -> None:
    assert guest.check_output("systemctl --failed --plain --no-legend") == ""
