"""Memory shared with other guests or with programs of the host's."""

from __future__ import annotations

from charly_vm.model.libvirt.devices.shmem import Shmem
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.qemu.option import Value, backend_object, device, option, switch

DEFAULT_SIZE = 4 * 1024**2


def render_shmem(machine: ResolvedMachine) -> list[str]:
    words = []
    for number, shmem in enumerate(machine.libvirt.devices.shmem, 1):
        name = f"shmem{number}"
        role: Value = None if shmem.role is None else shmem.role == "master"
        if shmem.model == "ivshmem-plain":
            words += _memory(name, shmem)
            words += device("ivshmem-plain", {"memdev": name, "master": role})
        else:
            words += _server(name, shmem)
            words += device("ivshmem-doorbell", {"chardev": name, "master": role, **_msi(shmem)})
    return words


def _memory(name: str, shmem: Shmem) -> list[str]:
    properties: dict[str, Value] = {
        "id": name,
        "mem-path": f"/dev/shm/{shmem.name}",
        "size": shmem.size or DEFAULT_SIZE,
        "share": True,
    }
    return backend_object("memory-backend-file", properties)


def _server(name: str, shmem: Shmem) -> list[str]:
    path = shmem.server.path if shmem.server else None
    return ["-chardev", option("socket", {"id": name, "path": path})]


def _msi(shmem: Shmem) -> dict[str, Value]:
    if shmem.msi is None:
        return {}
    return {"vectors": shmem.msi.vectors, "ioeventfd": switch(shmem.msi.ioeventfd)}
