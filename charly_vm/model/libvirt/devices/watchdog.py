"""`<watchdog>`: acts when the guest no longer says that it is alive."""

from __future__ import annotations

from typing import ClassVar, Literal

from charly_vm.model.libvirt.devices.notation import Short


class Watchdog(Short):
    """Acts when the guest no longer says that it is alive."""

    short_for: ClassVar[str] = "model"
    model: Literal["i6300esb", "ib700", "itco"] = "i6300esb"
    """The device: itco is part of the machine q35, ib700 of pc; i6300esb is a PCI card."""
    action: (
        Literal["reset", "shutdown", "poweroff", "pause", "none", "dump", "inject-nmi"] | None
    ) = None
    """What it does; reset where nothing is written."""
