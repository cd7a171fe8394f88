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
    name: Literal["qemu", "vhostuser"] | None = None
    """vhostuser renders in a process of its own."""
    vgaconf: Literal["io", "on", "off"] | None = None


class Resolution(Model):
    """What the guest finds preferred, in pixels."""

    x: Count
    y: Count


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
    vram: Count | None = None
    """KiB, as are ram, vgamem and vram64."""
    ram: Count | None = None
    vgamem: Count | None = None
    vram64: int | None = Field(default=None, strict=True, ge=0)
    heads: Count | None = None
    primary: YesNo | None = None
    """The first is, unless another says so."""
    accel3d: YesNo | None = None
    rendernode: AbsolutePath | None = None
    blob: OnOff | None = None
    """Share buffers with the host; needs shared memory."""
    resolution: Resolution | None = None
    driver: VideoDriver | None = None
