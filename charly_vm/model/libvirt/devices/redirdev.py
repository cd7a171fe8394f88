"""`<redirdev>`: a place where a viewer can plug in a USB device of its own."""

from __future__ import annotations

from typing import Literal

from charly_vm.model.libvirt.devices.character import CharacterDevice, CharacterType
from charly_vm.model.libvirt.devices.values import BootOrder


class Redirdev(CharacterDevice):
    """A place where a viewer can plug in a USB device of its own."""

    type: CharacterType = "spicevmc"
    """How the viewer reaches it."""
    bus: Literal["usb"] = "usb"
    """The only one there is."""
    boot: BootOrder | None = None
    """When firmware tries it."""
