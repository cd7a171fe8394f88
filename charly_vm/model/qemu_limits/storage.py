"""Limits of disks and shared directories."""

from __future__ import annotations

from collections.abc import Iterator

from charly_vm.model.libvirt.devices.disk import Disk
from charly_vm.model.libvirt.devices.filesystem import Filesystem
from charly_vm.model.qemu_limits.places import name_members
from charly_vm.model.resolved import ResolvedMachine

CONTROLLERS = {"sata": ("sda", 6), "ide": ("hda", 4), "fdc": ("fda", 2)}
"""Buses with few places: the name of the first and their number."""

FOREIGN_TYPES = {
    "volume": "needs the libvirt backend, which has the pool",
    "vhostuser": "needs the libvirt backend",
}
PARTS = {
    "wwn": ("scsi", "sata", "ide"),
    "vendor": ("scsi",),
    "product": ("scsi",),
    "serial": ("virtio", "scsi", "sata", "ide", "usb"),
    "boot": ("virtio", "scsi", "sata", "ide", "usb", "fdc"),
    "target.removable": ("usb", "scsi"),
    "target.rotation_rate": ("scsi", "sata", "ide"),
    "driver.ioeventfd": ("virtio",),
    "driver.event_idx": ("virtio",),
    "driver.iothread": ("virtio", "scsi"),
    "driver.queues": ("virtio",),
    "driver.queue_size": ("virtio",),
    "driver.iommu": ("virtio",),
    "driver.ats": ("virtio",),
    "driver.packed": ("virtio",),
    "driver.page_per_vq": ("virtio",),
    "model": ("virtio",),
}
"""The buses whose disks have a part."""


def find_storage_limits(machine: ResolvedMachine) -> Iterator[str]:
    devices = machine.libvirt.devices
    for name, disk in name_members("devices.disks", devices.disks):
        yield from _source(name, disk)
        yield from _target(name, disk)
        yield from _place(name, disk)
    for name, shared in name_members("devices.filesystems", devices.filesystems):
        yield from _filesystem(name, shared, machine)


def _source(name: str, disk: Disk) -> Iterator[str]:
    source, driver = disk.source, disk.driver
    bus = disk.target.bus if disk.target else None
    if source is None and (disk.device not in ("cdrom", "floppy") or bus in ("virtio", "usb")):
        yield f"{name}.source: only a drive for media, on sata, scsi, ide or fdc, can be empty"
    if disk.type in FOREIGN_TYPES:
        yield f"{name}.type: {disk.type} {FOREIGN_TYPES[disk.type]}"
    if disk.type == "dir" and not disk.readonly:
        yield f"{name}: QEMU shows a directory as a disk only with `readonly: true`"
    if source is not None:
        if source.protocol not in (None, "nbd"):
            yield f"{name}.source.protocol: {source.protocol} needs the libvirt backend"
        if len(source.host) > 1:
            yield f"{name}.source.host: an export of nbd is on one host"
        if any(one.transport == "rdma" for one in source.host):
            yield f"{name}.source.host: rdma needs the libvirt backend"
        if source.startup_policy in ("requisite", "optional"):
            yield f"{name}.source.startup_policy: needs the libvirt backend, which looks for it"
    if driver is not None and driver.name != "qemu":
        yield f"{name}.driver.name: {driver.name} is no driver of QEMU's"
    if driver is not None and driver.type == "luks":
        yield f"{name}.driver.type: luks needs the libvirt backend, which has the key"


def _target(name: str, disk: Disk) -> Iterator[str]:
    target = disk.target
    bus = target.bus if target else None
    if target is not None and target.tray == "open":
        yield f"{name}.target.tray: QEMU starts with the tray closed"
    if bus == "sd":
        yield f"{name}.target.bus: QEMU's boards here have no sd bus"
    if disk.device == "disk" and disk.readonly and bus in ("ide", "sata"):
        yield f"{name}.readonly: an ATA disk can always be written to; take virtio or scsi"
    if disk.device == "lun" and bus != "scsi":
        yield f"{name}.device: lun needs the bus scsi"
    for part, buses in PARTS.items():
        if bus not in buses and _written(disk, part):
            yield f"{name}.{part}: has no meaning on the bus {bus}"


def _place(name: str, disk: Disk) -> Iterator[str]:
    target = disk.target
    if target is None or target.bus not in CONTROLLERS:
        return
    first, places = CONTROLLERS[target.bus]
    if disk_index(target.dev) >= places:
        yield f"{name}.target: the bus {target.bus} has {places} places, from {first} on"


def disk_index(name: str) -> int:
    """0 for vda, 25 for vdz, 26 for vdaa."""
    index = 0
    for letter in name[2:].rstrip("0123456789"):
        index = index * 26 + ord(letter) - ord("a") + 1
    return index - 1


def _written(disk: Disk, part: str) -> bool:
    group, _, key = part.rpartition(".")
    owner = getattr(disk, group) if group else disk
    return owner is not None and getattr(owner, key) is not None


def _filesystem(name: str, shared: Filesystem, machine: ResolvedMachine) -> Iterator[str]:
    if shared.driver.type != "virtiofs":
        return
    if shared.source.socket is None:
        yield f"{name}.driver: virtiofs needs the libvirt backend, which starts virtiofsd"
        return
    if not _is_shared(machine):
        yield f"{name}.driver: virtiofs needs `memory_backing: {{access: shared}}`"
    for key in ("binary", "idmap", "readonly"):
        if getattr(shared, key):
            yield f"{name}.{key}: belongs to a virtiofsd that the libvirt backend starts"


def _is_shared(machine: ResolvedMachine) -> bool:
    block = machine.libvirt
    usual = block.memory_backing.access if block.memory_backing else None
    wanted = [one.memaccess or usual for one in block.cpu.numa] or [usual]
    return all(one == "shared" for one in wanted)
