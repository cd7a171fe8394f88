"""What all virtio devices have in common: the names of their variants, and `<driver>`'s options."""

from __future__ import annotations

from charly_vm.model.libvirt.devices.values import VirtioOptions
from charly_vm.render.qemu.option import Properties, switch


def virtio_device(kind: str, model: str | None = None) -> str:
    """QEMU's name of a device on the PCI bus: `virtio-rng` with libvirt's `virtio-transitional`."""
    return f"{kind}-pci{(model or 'virtio').removeprefix('virtio')}"


def virtio_options(driver: VirtioOptions | None, model: str | None = None) -> Properties:
    """`model` is libvirt's, of the devices that have variants."""
    if driver is None:
        return {}
    speaks_both = model in (None, "virtio")
    return {
        # On the root bus a device also speaks virtio as it was before 1.0, which knows no IOMMU.
        "disable-legacy": True if driver.iommu == "on" and speaks_both else None,
        "iommu_platform": switch(driver.iommu),
        "ats": switch(driver.ats),
        "packed": switch(driver.packed),
        "page-per-vq": switch(driver.page_per_vq),
    }
