"""What runs machines: libvirt and QEMU, behind `charly_vm.model.protocols.Backend`."""

from __future__ import annotations

from charly_vm.model.protocols import Backend
from charly_vm.model.resolved import BackendName


def backend_of(name: BackendName) -> Backend:
    """The backend of this name. What it needs of the host is looked for when it is used."""
    if name is BackendName.LIBVIRT:
        from charly_vm.backend.libvirt import LibvirtBackend

        return LibvirtBackend()
    from charly_vm.backend.qemu import QemuBackend

    return QemuBackend()
