"""`<panic>`: how a guest says that its kernel has panicked."""

from __future__ import annotations

from typing import ClassVar, Literal

from charly_vm.model.libvirt.devices.notation import Short


class Panic(Short):
    """How a guest says that its kernel has panicked."""

    short_for: ClassVar[str] = "model"
    model: Literal["isa", "hyperv", "pvpanic"] | None = None
    """pvpanic is a PCI device, the only one that boards other than PCs have."""
