"""A record of a machine that was never made."""

from __future__ import annotations

from sample_machine import sample_machine

from charly_vm.machine.records import MachineRecord, Owner, Purpose, Stage, paths_of


def sample_record(name: str = "sample") -> MachineRecord:
    domain = f"charly-{name}"
    return MachineRecord(
        name=name,
        instance="",
        entity="debian-vm",
        project="/somewhere/charly.yml",
        stage=Stage.CREATED,
        disk_kept=False,
        owner=Owner(Purpose.COMMAND, 1, "charly vm create", "2026-11-24T00:00:00Z", "boot"),
        base="/images/base.qcow2",
        machine=sample_machine(domain=domain, hostname=domain, paths=paths_of(domain)),
    )
