"""Names, buses and formats of the author's disks, where they are not written."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, product
from string import ascii_lowercase

from charly_vm.model.libvirt.devices.devices import OWN_DISKS
from charly_vm.model.libvirt.devices.disk import Disk, DiskDriver, DiskTarget

PREFIXES = {"disk": "vd", "cdrom": "sd", "floppy": "fd", "lun": "sd"}
"""What a device is called. CD-ROMs are on SCSI: kernels made for clouds have a driver for
virtio-scsi and may have none for AHCI."""

BUSES = {"vd": "virtio", "sd": "scsi", "hd": "ide", "fd": "fdc"}
"""By the name, as libvirt derives them."""


def name_disks(disks: tuple[Disk, ...]) -> tuple[Disk, ...]:
    """Each with a name that no other has, a bus, and a format."""
    taken = {*OWN_DISKS, *(disk.target.dev for disk in disks if disk.target)}
    named = []
    for disk in disks:
        target = disk.target or DiskTarget(dev=_free_name(PREFIXES[disk.device], taken))
        taken.add(target.dev)
        bus = target.bus or BUSES[target.dev[:2]]
        update = {
            "target": target.model_copy(update={"bus": bus}),
            "driver": _with_format(disk),
            "readonly": disk.readonly or disk.device == "cdrom",
        }
        named.append(disk.model_copy(update=update))
    return tuple(named)


def _free_name(prefix: str, taken: set[str]) -> str:
    return next(name for name in _names(prefix) if name not in taken)


def _names(prefix: str) -> Iterator[str]:
    """vda to vdz, vdaa to vdzz, and so on."""
    for length in count(1):
        for letters in product(ascii_lowercase, repeat=length):
            yield prefix + "".join(letters)


def _with_format(disk: Disk) -> DiskDriver:
    """The format is never probed: a guest that may write a header could name any of the host's
    files in it. A file's suffix says which it is where the author does not."""
    driver = disk.driver or DiskDriver()
    if driver.type is not None:
        return driver
    source = disk.source
    name = (source and (source.file or source.volume or source.name)) or ""
    if disk.type == "dir":
        return driver.model_copy(update={"type": "fat"})
    return driver.model_copy(update={"type": "qcow2" if name.endswith(".qcow2") else "raw"})
