"""The USB controller."""

from __future__ import annotations

from typing import ClassVar, Literal

from charly_vm.model.libvirt.devices.notation import Short
from charly_vm.model.libvirt.numbers import Count


class Usb(Short):
    """The USB controller."""

    short_for: ClassVar[str] = "model"
    model: Literal[
        "none",
        "qemu-xhci",
        "nec-xhci",
        "ich9-ehci1",
        "ehci",
        "piix3-uhci",
        "piix4-uhci",
        "vt82c686b-uhci",
        "pci-ohci",
    ] = "qemu-xhci"
    """The controller; `none` does without."""
    ports: Count | None = None
    """How many devices it takes."""
