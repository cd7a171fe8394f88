"""Booting a machine that is off, from the layer of its disk that its record says."""

from __future__ import annotations

from charly_vm.machine.card_allocation import require_not_on_nvidia
from charly_vm.machine.machine import Machine
from charly_vm.machine.ports import require_free_ports
from charly_vm.machine.snapshot_repair import settle_snapshots


def start_machine(machine: Machine) -> None:
    """Boot it; one that runs is left alone. The caller holds the machine.

    Raises `StateError` where it has not been created, and `HostError` where a port of its is
    taken, or a card of its is on nvidia.
    """
    machine.require_created()
    settle_snapshots(machine, starting=True)
    if not machine.state().has_process:
        require_free_ports(machine.record.machine)
        require_not_on_nvidia(machine.record.machine)
    resolved = machine.record.machine
    with machine.progress.phase(f"starting {machine.name} ({resolved.backend.value})"):
        machine.backend.start(machine.record.domain)
