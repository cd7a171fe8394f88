"""Machines that show the devices of the libvirt block, every field of every one of them."""

from __future__ import annotations

from board_devices import BOARD
from device_sample import AUTHORED
from host_devices import HOST
from screen_devices import SCREENS
from storage_devices import STORAGE
from wire_devices import WIRES

__all__ = ["AUTHORED", "DEVICE_MACHINES", "SINCE"]

DEVICE_MACHINES = BOARD | STORAGE | WIRES | SCREENS | HOST
"""By the name of their golden file. No disk has all options of a driver: libxml2 takes twice as
long over a schema's element for every optional attribute that is there."""

SINCE: dict[str, tuple[tuple[int, int, int], str]] = {
    "audio-pipewire": ((9, 10, 0), "devices"),
    "disks-discard": ((9, 5, 0), "devices"),
    "filesystems-idmap": ((10, 0, 0), "devices"),
    "filesystems-openfiles": ((10, 6, 0), "devices"),
    "graphics-rdp": ((11, 2, 0), "devices"),
    "hostdevs-pci-display": ((10, 10, 0), "devices"),
    "hostdevs-pci-variant": ((10, 0, 0), "devices"),
    "interfaces-passt": ((9, 1, 0), "passt"),
    "iommu-translation": ((10, 7, 0), "devices"),
    "panic-pci": ((9, 1, 0), "devices"),
    "sound-multichannel": ((10, 4, 0), "devices"),
    "sound-virtio": ((10, 4, 0), "devices"),
    "tpm-emulator-state": ((10, 10, 0), "devices"),
    "video-blob": ((9, 2, 0), "devices"),
    "watchdog-several": ((9, 1, 0), "devices"),
}
"""The libvirt that knows what is in it, and a word of what an older one says."""
