"""Booting a machine that is off, from the layer of its disk that its record says."""

from __future__ import annotations

from charly_vm.machine.card_allocation import require_not_on_nvidia, require_same_cards
from charly_vm.machine.machine import Machine
from charly_vm.machine.ports import require_free_ports
from charly_vm.machine.snapshot_repair import settle_snapshots


def start_machine(machine: Machine) -> None:
    """Boot it; one that runs is left alone. The caller holds the machine.

    Raises `StateError` where it has not been created, `HostError` where a port of its is taken, or
    a card of its is on nvidia, and `SpecError` where another card is at its card's address.
    """
    machine.require_created()
    settle_snapshots(machine, starting=True)
    if not machine.state().has_process:
        require_free_ports(machine.record.machine)
        # `claiming_for_start` has looked before it claims, but a holder comes back without that.
        require_same_cards(machine.record)
        require_not_on_nvidia(machine.record.machine)
    resolved = machine.record.machine
    with machine.progress.phase(f"starting {machine.name} ({resolved.backend.value})"):
        machine.backend.start(machine.record.domain)
