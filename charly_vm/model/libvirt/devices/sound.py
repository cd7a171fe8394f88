"""`<sound>`: the guest's sound card."""

from __future__ import annotations

from typing import ClassVar, Literal

from charly_vm.model.libvirt.devices.notation import Several, Typed
from charly_vm.model.libvirt.devices.values import VirtioOptions
from charly_vm.model.libvirt.numbers import Count, Index
from charly_vm.model.libvirt.switches import YesNo


class Sound(Typed):
    """A sound card."""

    typed_by: ClassVar[str] = "model"
    only: ClassVar = {
        "codec": ("ich6", "ich9"),
        "multichannel": ("usb",),
        "streams": ("virtio",),
        "driver": ("virtio",),
    }
    model: Literal["ich9", "ich7", "ich6", "ac97", "es1370", "sb16", "pcspk", "usb", "virtio"]
    """The card."""
    audio: Index | None = None
    """The id of the `audio` that it plays through."""
    codec: Several[Literal["duplex", "micro", "output"]] = ()
    """What is plugged in."""
    multichannel: YesNo | None = None
    """More than two channels."""
    streams: Count | None = None
    """How many may play at once."""
    driver: VirtioOptions | None = None
    """What every virtio device takes."""
