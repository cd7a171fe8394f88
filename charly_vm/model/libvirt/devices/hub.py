"""`<hub>`: more USB ports."""

from __future__ import annotations

from typing import ClassVar, Literal

from charly_vm.model.libvirt.devices.notation import Short


class Hub(Short):
    """A hub, for more USB ports."""

    short_for: ClassVar[str] = "type"
    type: Literal["usb"] = "usb"
    """The only one there is."""
