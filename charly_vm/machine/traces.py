"""What a machine leaves in its user's own configuration: a stanza for ssh, and with `autostart` a
unit of systemd. Both are conveniences, so a machine does without where they cannot be had."""

from __future__ import annotations

from collections.abc import Callable

from charly_vm.errors import CharlyError
from charly_vm.machine.autostart import disable_autostart, enable_autostart
from charly_vm.machine.machine import Machine
from charly_vm.machine.ssh_config import remove_stanza, write_stanza


def leave_traces(machine: Machine) -> None:
    """Of a machine that has just been defined."""
    resolved = machine.record.machine
    _try(machine, lambda: write_stanza(resolved))
    if resolved.autostart:
        _try(machine, lambda: machine.backend.set_autostart(machine.record.domain, True))
        if not machine.record.domain.hypervisor:
            # A daemon that boots with its host needs nobody to start it.
            _try(machine, lambda: enable_autostart(machine.name, machine.progress))


def leave_address(machine: Machine, address: str) -> None:
    """Of a machine whose guest has been found at an address of its own."""
    resolved = machine.record.machine
    _try(machine, lambda: write_stanza(resolved, address))
    machine.progress.note(f"{machine.name} is at {address}")


def remove_traces(machine: Machine) -> None:
    """Of a machine that is being removed."""
    _try(machine, lambda: remove_stanza(machine.name))
    _try(machine, lambda: disable_autostart(machine.name))


def _try(machine: Machine, act: Callable[[], None]) -> None:
    try:
        act()
    except CharlyError as error:
        machine.progress.note(f"{machine.name}: {error.message}")
