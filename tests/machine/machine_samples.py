"""A record of a machine that was never made."""

from __future__ import annotations

from charly_vm.machine.records import MachineRecord, Owner, Purpose, Stage, paths_of
from charly_vm.model.resolved import BackendName, Forward, ResolvedMachine


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
        machine=ResolvedMachine(
            domain=domain,
            uuid="7e1a4c1e-0000-4000-8000-000000000001",
            hostname=domain,
            backend=BackendName.QEMU,
            backend_reason="",
            architecture="x86_64",
            machine="q35",
            emulator="/usr/bin/qemu-system-x86_64",
            accelerator="tcg",
            cpu_model="max",
            cpus=1,
            ram=2**28,
            disk_size=0,
            user="charly",
            ssh_port=22222,
            forward=Forward.SLIRP,
            mac="52:54:00:00:00:01",
            disposable=False,
            paths=paths_of(domain),
        ),
    )
