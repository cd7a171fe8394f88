"""The machines that the renderers' golden files show, one per decision that a renderer makes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from charly_vm.model.resolved import BackendName, Forward, Paths, ResolvedMachine

PLAIN = ResolvedMachine(
    domain="charly-check-debian-vm",
    uuid="5f0c7a52-3b9e-4d53-9f56-2f1f3f9c0a11",
    hostname="charly-check-debian-vm",
    backend=BackendName.QEMU,
    backend_reason="root has no libvirt session",
    architecture="x86_64",
    machine="q35",
    emulator="/usr/bin/qemu-system-x86_64",
    accelerator="tcg",
    cpu_model="max",
    cpus=2,
    ram=1024**3,
    disk_size=8 * 1024**3,
    user="charly",
    ssh_port=2222,
    forward=Forward.SLIRP,
    mac="52:54:00:12:34:56",
    disposable=True,
    paths=Paths(
        directory=Path("/home/user/.local/share/charly/vm/charly-check-debian-vm"),
        runtime=Path("/run/user/1000/charly/charly-check-debian-vm"),
    ),
)

MACHINES = {
    "plain": PLAIN,
    "kept": replace(PLAIN, domain="charly-kept", disposable=False),
    "kvm": replace(PLAIN, accelerator="kvm", cpu_model="host", cpus=8, ram=16 * 1024**3),
    "named-cpu": replace(PLAIN, cpu_model="Nehalem"),
    "awkward-paths": replace(
        PLAIN,
        paths=Paths(
            directory=Path("/home/user/data, & <more>/vm/charly-check-debian-vm"),
            runtime=Path("/tmp/a,b/charly-check-debian-vm"),
        ),
    ),
}
"""By the name of their golden file."""

PASST = replace(PLAIN, backend=BackendName.LIBVIRT, backend_reason="", forward=Forward.PASST)
