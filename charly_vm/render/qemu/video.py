"""The guest's graphics cards."""

from __future__ import annotations

from charly_vm.model.libvirt.devices.video import Video
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.qemu.option import Properties, Value, device
from charly_vm.render.qemu.virtio import virtio_options

PRIMARY = {
    "virtio": "virtio-vga",
    "qxl": "qxl-vga",
    "vga": "VGA",
    "bochs": "bochs-display",
    "ramfb": "ramfb",
    "cirrus": "cirrus-vga",
}
"""The first card on a PC, which firmware and boot loader draw on."""

SECONDARY = {**PRIMARY, "virtio": "virtio-gpu-pci", "qxl": "qxl"}
"""Any other, and the first on a machine whose firmware knows no VGA."""


RENDERING = {"virtio-vga": "virtio-vga-gl", "virtio-gpu-pci": "virtio-gpu-gl-pci"}
"""With the host's graphics card behind it."""


def render_video(machine: ResolvedMachine) -> list[str]:
    cards = [one for one in machine.libvirt.devices.video if one.model != "none"]
    words = []
    for card in sorted(cards, key=lambda one: one.primary != "yes"):
        is_vga = card.primary == "yes" and machine.architecture == "x86_64"
        driver = (PRIMARY if is_vga else SECONDARY)[card.model]
        if card.accel3d == "yes":
            driver = RENDERING[driver]
        words += device(driver, _knobs(card))
    return words


def _knobs(card: Video) -> Properties:
    properties: dict[str, Value] = {
        "max_outputs": card.heads if card.model in ("virtio", "qxl") else None,
        "xres": card.resolution.x if card.resolution else None,
        "yres": card.resolution.y if card.resolution else None,
        **virtio_options(card.driver),
    }
    match card.model:
        case "qxl":
            properties |= {
                "ram_size": card.ram and card.ram * 1024,
                "vram_size": card.vram and card.vram * 1024,
                "vram64_size_mb": card.vram64 and card.vram64 // 1024,
                "vgamem_mb": card.vgamem and card.vgamem // 1024,
            }
        case "vga" | "cirrus":
            properties["vgamem_mb"] = card.vram and card.vram // 1024
        case "bochs":
            properties["vgamem"] = card.vram and card.vram * 1024
        case "virtio":
            properties["blob"] = None if card.blob is None else card.blob == "on"
    return properties
