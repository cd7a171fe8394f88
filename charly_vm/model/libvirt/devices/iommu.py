"""`<iommu>`: an IOMMU that the guest itself can use, for VFIO inside of it."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from charly_vm.model.base import Model
from charly_vm.model.libvirt.devices.notation import Typed
from charly_vm.model.libvirt.switches import OnOff


class IommuDriver(Model):
    """What it can do."""

    intremap: OnOff | None = None
    """Interrupts as well; under KVM it needs a snippet with `<ioapic driver='qemu'/>`."""
    caching_mode: OnOff | None = None
    """On where devices are handed on to a guest in the guest."""
    eim: OnOff | None = None
    """Interrupts to CPUs beyond 255."""
    iotlb: OnOff | None = None
    """Let devices keep translations."""
    aw_bits: int | None = Field(default=None, strict=True, ge=1, le=255)
    """How many bits its addresses have."""
    dma_translation: OnOff | None = None
    """Whether it translates what devices read and write."""


class Iommu(Typed):
    """An IOMMU that the guest itself can use."""

    typed_by: ClassVar[str] = "model"
    only: ClassVar = {"driver": ("intel",)}
    model: Literal["intel", "smmuv3", "virtio"]
    """Which it is."""
    driver: IommuDriver | None = None
    """What it can do."""
