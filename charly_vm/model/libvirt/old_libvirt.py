"""Which devices libvirt 9.0, that of Debian 12, does not know.

It would only say that `<devices>` does not fit its schema. The versions in between are not told
apart: what one of them does not know, it refuses itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from charly_vm.model.libvirt.devices import Devices
from charly_vm.model.libvirt.devices.hostdev import PciHostdev
from charly_vm.model.libvirt.devices.tpm import Tpm

NEXT = (9, 1, 0)
"""The first that may know some of it; 11.3 knows all."""


def find_too_new(devices: Devices, version: tuple[int, int, int]) -> list[str]:
    """Sentences that begin with the key they are about; empty for a libvirt that is not so old."""
    if version >= NEXT:
        return []
    mine = ".".join(map(str, version))
    return [
        f"devices.{what} is too new for libvirt {mine}; 11.3 knows it"
        for what in (*_cards(devices), *_storage(devices), *_board(devices))
    ]


def _cards(devices: Devices) -> Iterator[str]:
    for hostdev in devices.hostdevs:
        if not isinstance(hostdev, PciHostdev):
            continue
        if hostdev.driver and hostdev.driver.model:
            yield "hostdevs.driver.model"
        if hostdev.display or hostdev.ramfb:
            yield "hostdevs: display and ramfb of a PCI device"
    for video in devices.video:
        if video.blob:
            yield "video.blob"
    for graphics in devices.graphics:
        if graphics.type == "rdp" and (graphics.username or graphics.passwd):
            yield "graphics: the account of an RDP server"
    for sound in devices.sound:
        if sound.model == "virtio":
            yield "sound.model: virtio"
        if sound.multichannel:
            yield "sound.multichannel"
    for audio in devices.audio:
        if audio.type == "pipewire":
            yield "audio.type: pipewire"


def _storage(devices: Devices) -> Iterator[str]:
    for disk in devices.disks:
        if disk.driver and disk.driver.discard_no_unref:
            yield "disks.driver.discard_no_unref"
    for filesystem in devices.filesystems:
        if filesystem.idmap and (filesystem.idmap.uid or filesystem.idmap.gid):
            yield "filesystems.idmap"
        if filesystem.binary and filesystem.binary.openfiles:
            yield "filesystems.binary.openfiles"


def _board(devices: Devices) -> Iterator[str]:
    if any(one.model == "itco" for one in devices.watchdog):
        yield "watchdog.model: itco"
    if len(devices.watchdog) > 1:
        yield "watchdog: a second one"
    if any(one.model == "pvpanic" for one in devices.panic):
        yield "panic.model: pvpanic"
    if devices.iommu and devices.iommu.driver and devices.iommu.driver.dma_translation:
        yield "iommu.driver.dma_translation"
    for tpm in devices.tpm:
        yield from _tpm(tpm)


def _tpm(tpm: Tpm) -> Iterator[str]:
    backend = tpm.backend
    if backend.debug is not None:
        yield "tpm.backend.debug"
    if backend.profile:
        yield "tpm.backend.profile"
    if backend.type == "emulator" and backend.source:
        yield "tpm.backend.source of an emulator"
