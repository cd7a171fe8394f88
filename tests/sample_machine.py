"""A resolved machine for tests, in one place: a test says only what matters to it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from charly_vm.host.subordinate_ids import HostUser, SubordinateIds
from charly_vm.model.block import Block
from charly_vm.model.libvirt import LibvirtDomain
from charly_vm.model.resolve.devices import resolve_devices
from charly_vm.model.resolved import (
    BackendName,
    Carrier,
    Paths,
    ResolvedFirmware,
    ResolvedMachine,
    ResolvedNetwork,
)

SLIRP = ResolvedNetwork(Carrier.SLIRP, "virtio", "52:54:00:12:34:56")
PASST = replace(SLIRP, carrier=Carrier.PASST)

HOST_USER = HostUser(1000, 1000, SubordinateIds(100000, 65536), SubordinateIds(200000, 65536))

_SAMPLE = ResolvedMachine(
    domain="charly-check-debian-vm",
    uuid="5f0c7a52-3b9e-4d53-9f56-2f1f3f9c0a11",
    hostname="charly-check-debian-vm",
    backend=BackendName.QEMU,
    backend_reason="root has no libvirt session",
    architecture="x86_64",
    machine="q35",
    emulator="/usr/bin/qemu-system-x86_64",
    accelerator="tcg",
    cpus=2,
    ram=1024**3,
    disk_size=8 * 1024**3,
    firmware=ResolvedFirmware("bios"),
    network=SLIRP,
    block=Block(LibvirtDomain()),
    user="charly",
    ssh_port=2222,
    key="/home/user/.local/share/charly/vm/charly-check-debian-vm/id_ed25519",
    oem_strings=(),
    autostart=False,
    disposable=True,
    lifecycle="",
    paths=Paths(
        directory=Path("/home/user/.local/share/charly/vm/charly-check-debian-vm"),
        runtime=Path("/run/user/1000/charly/charly-check-debian-vm"),
    ),
)


def sample_machine(*, libvirt: dict[str, Any] | None = None, **changes: Any) -> ResolvedMachine:
    """A Debian bed on the qemu backend under TCG, with these fields changed.

    `libvirt` is the block as an author writes it, beside a CPU of mode maximum; its devices are
    resolved for a user of ids 1000.
    """
    machine = replace(_SAMPLE, **changes)
    block = LibvirtDomain.model_validate({"cpu": {"mode": "maximum"}, **(libvirt or {})})
    devices = resolve_devices(
        block.devices,
        architecture=machine.architecture,
        uuid=machine.uuid,
        directory=machine.paths.directory,
        user=HOST_USER,
    )
    return replace(machine, block=Block(block.model_copy(update={"devices": devices})))
