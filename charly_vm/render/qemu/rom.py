"""The boot ROM of a PCI card."""

from __future__ import annotations

from charly_vm.model.libvirt.devices.values import Rom
from charly_vm.render.qemu.option import Properties


def render_rom(rom: Rom | None) -> Properties:
    """An empty file is none."""
    if rom is None:
        return {}
    return {
        "romfile": "" if rom.enabled == "no" else rom.file,
        "rombar": None if rom.bar is None else int(rom.bar == "on"),
    }
