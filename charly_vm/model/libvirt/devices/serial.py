"""`<serial>` and `<parallel>`: ports beside the machine's own console, which is the first."""

from __future__ import annotations

from typing import ClassVar, Literal

from charly_vm.model.base import Model
from charly_vm.model.libvirt.devices.character import CharacterDevice
from charly_vm.model.libvirt.devices.notation import Short
from charly_vm.model.libvirt.numbers import Index


class SerialTarget(Short):
    """What the guest sees; the architecture's usual port where it is not given."""

    short_for: ClassVar[str] = "type"
    type: Literal["isa-serial", "usb-serial", "pci-serial", "system-serial", "isa-debug"] | None = (
        None
    )
    """The kind of port."""
    port: Index | None = None
    """Which of them it is; 0 is the machine's own."""
    model: (
        Literal["isa-serial", "usb-serial", "pci-serial", "pl011", "16550a", "isa-debugcon"] | None
    ) = None
    """The chip."""


class Serial(CharacterDevice):
    """A serial port beside the machine's own console."""

    target: SerialTarget | None = None


class ParallelTarget(Model):
    """What the guest sees."""

    port: Index | None = None
    """Which of them it is."""


class Parallel(CharacterDevice):
    """A parallel port."""

    target: ParallelTarget | None = None
    """What the guest sees."""
