"""Logging in to a machine as somebody else than the account that charly uses."""

from __future__ import annotations

from pathlib import Path

from charly_vm.guest.address import GuestUnreachable
from charly_vm.guest.ssh import SshGuest
from charly_vm.host.waiting import Deadline, NotYet, wait_for
from charly_vm.model.resolved import ResolvedMachine


def run_as(machine: ResolvedMachine, user: str, key: Path, command: str) -> str:
    """What the command prints. Raises `GuestTimeout` where nobody is let in for a minute.

    A connection that is lost is made again: the first session of an account starts a service
    manager for it, and a busy guest may not answer for longer than a connection is given up after.
    """
    guest = SshGuest(
        name=machine.domain,
        port=machine.ssh_port,
        user=user,
        key=key,
        known_hosts=machine.paths.known_hosts,
    )

    def probe() -> str | NotYet:
        try:
            return guest.run(command, timeout=60).stdout_text
        except GuestUnreachable as error:
            return NotYet(error.seen)

    try:
        return wait_for(f"a session of {user}", probe, Deadline(60), every=2)
    finally:
        guest.close()
