"""A resolved machine for tests, in one place: a test says only what matters to it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from charly_vm.model.libvirt import LibvirtDomain
from charly_vm.model.resolved import (
    BackendName,
    Carrier,
    Paths,
    ResolvedMachine,
    ResolvedNetwork,
)

SLIRP = ResolvedNetwork(Carrier.SLIRP, "virtio", "52:54:00:12:34:56")
PASST = replace(SLIRP, carrier=Carrier.PASST)

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
    network=SLIRP,
    libvirt=LibvirtDomain.model_validate({"cpu": {"mode": "maximum"}}),
    user="charly",
    ssh_port=2222,
    disposable=True,
    paths=Paths(
        directory=Path("/home/user/.local/share/charly/vm/charly-check-debian-vm"),
        runtime=Path("/run/user/1000/charly/charly-check-debian-vm"),
    ),
)


def sample_machine(*, libvirt: dict[str, Any] | None = None, **changes: Any) -> ResolvedMachine:
    """A Debian bed on the qemu backend under TCG, with these fields changed.

    `libvirt` is the block as an author writes it, beside a CPU of mode maximum.
    """
    if libvirt is not None:
        block = {"cpu": {"mode": "maximum"}, **libvirt}
        changes["libvirt"] = LibvirtDomain.model_validate(block)
    return replace(_SAMPLE, **changes)
