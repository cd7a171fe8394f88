"""`<redirdev>`: a place where a viewer can plug in a USB device of its own."""

from __future__ import annotations

from typing import Literal

from charly_vm.model.libvirt.devices.character import CharacterDevice, CharacterType
from charly_vm.model.libvirt.devices.values import BootOrder


class Redirdev(CharacterDevice):
    type: CharacterType = "spicevmc"
    bus: Literal["usb"] = "usb"
    boot: BootOrder | None = None
