"""`<video>`: the guest's graphics card."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from charly_vm.model.base import Model
from charly_vm.model.libvirt.devices.notation import Typed
from charly_vm.model.libvirt.devices.values import AbsolutePath, VirtioOptions
from charly_vm.model.libvirt.numbers import Count
from charly_vm.model.libvirt.switches import OnOff, YesNo


class VideoDriver(VirtioOptions):
    """Who draws, and how."""

    name: Literal["qemu", "vhostuser"] | None = None
    """vhostuser renders in a process of its own."""
    vgaconf: Literal["io", "on", "off"] | None = None
    """What of VGA the guest sees."""


class Resolution(Model):
    """What the guest finds preferred, in pixels."""

    x: Count
    """The width."""
    y: Count
    """The height."""


class Video(Typed):
    """virtio suits Linux, qxl old X11 guests, none a machine that has a real card or no screen."""

    typed_by: ClassVar[str] = "model"
    only: ClassVar = {
        "ram": ("qxl",),
        "vgamem": ("qxl",),
        "vram64": ("qxl",),
        "accel3d": ("virtio",),
        "rendernode": ("virtio",),
        "blob": ("virtio",),
        **dict.fromkeys(
            ("vram", "heads", "primary", "resolution", "driver"),
            ("virtio", "qxl", "vga", "bochs", "ramfb", "cirrus"),
        ),
    }
    model: Literal["virtio", "qxl", "vga", "bochs", "ramfb", "cirrus", "none"] = "virtio"
    """The card."""
    vram: Count | None = None
    """Its memory, in KiB."""
    ram: Count | None = None
    """Its memory for commands, in KiB."""
    vgamem: Count | None = None
    """Its memory for the frame, in KiB."""
    vram64: int | None = Field(default=None, strict=True, ge=0)
    """Its memory beyond 32 bits, in KiB."""
    heads: Count | None = None
    """How many screens it has."""
    primary: YesNo | None = None
    """Whether it is the first card; the first in the list is, unless another says so."""
    accel3d: YesNo | None = None
    """Whether the host renders for it."""
    rendernode: AbsolutePath | None = None
    """The host's card that does, such as /dev/dri/renderD128."""
    blob: OnOff | None = None
    """Share buffers with the host; needs shared memory."""
    resolution: Resolution | None = None
    driver: VideoDriver | None = None
    """Who draws."""
