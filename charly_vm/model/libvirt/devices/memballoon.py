"""`<memballoon>`: memory that the host takes back from the guest."""

from __future__ import annotations

from typing import ClassVar, Literal

from charly_vm.model.libvirt.devices.notation import Short, Typed
from charly_vm.model.libvirt.devices.values import VirtioOptions
from charly_vm.model.libvirt.numbers import Count
from charly_vm.model.libvirt.switches import OnOff


class BalloonStats(Short):
    """How often the guest reports, in seconds."""

    short_for: ClassVar[str] = "period"
    period: Count


class Memballoon(Typed):
    """Memory that the host takes back from the guest."""

    typed_by: ClassVar[str] = "model"
    only: ClassVar = dict.fromkeys(
        ("autodeflate", "free_page_reporting", "stats", "driver"),
        ("virtio", "virtio-transitional", "virtio-non-transitional"),
    )
    model: Literal["virtio", "virtio-transitional", "virtio-non-transitional", "none"] = "virtio"
    """The device; `none` does without."""
    autodeflate: OnOff | None = None
    """Give memory back to the guest before it runs out."""
    free_page_reporting: OnOff | None = None
    """Give back what the guest has freed."""
    stats: BalloonStats | None = None
    driver: VirtioOptions | None = None
    """What every virtio device takes."""
