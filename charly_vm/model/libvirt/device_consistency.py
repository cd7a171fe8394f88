"""Which devices do not fit the machine, or one another.

They are looked at with every default filled in. The rules are those of libvirt's QEMU driver and
of the machines that QEMU builds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from charly_vm.model.libvirt.devices import Devices
from charly_vm.model.libvirt.devices.serial import SerialTarget

X86 = ("x86_64", "i686")
Q35 = "q35"

VGA_COMPATIBLE = ("vga", "qxl", "cirrus")
SECOND_CARDS = ("virtio", "qxl")
ISA_SERIAL = ("isa-serial", "isa-debug")
ISA_SOUND = ("sb16", "pcspk")
PC_WATCHDOGS = ("ib700", "itco")
PC_PANIC = ("isa", "hyperv")
PC_BUSES = ("ide", "sata", "fdc")
REMOVABLE = ("cdrom", "floppy")
OF_SPICE = ("spicevmc", "spiceport")


def find_device_problems(
    devices: Devices, *, architecture: str, machine: str, iothreads: int
) -> Iterator[str]:
    """Sentences that begin with the key they are about. `machine` is QEMU's type: q35, pc, virt."""
    if architecture not in X86:
        for what in _of_a_pc(devices):
            yield f"devices.{what}, which belongs to PCs; this is {architecture}"
    for disk in devices.disks:
        if disk.source is None and disk.device not in REMOVABLE:
            yield f"devices.disks: a {disk.device} needs a source"
        if disk.shareable and disk.driver and disk.driver.type != "raw":
            yield f"devices.disks: shareable needs the format raw, not {disk.driver.type}"
    yield from _board(devices, machine)
    yield from _iommu(devices, architecture)
    yield from _screens(devices)
    yield from _usb(devices)
    yield from _references(devices, iothreads)


def find_usb_devices(devices: Devices) -> list[str]:
    """What needs a USB controller, in words."""
    disks = [one.target for one in devices.disks if one.target]
    serials = [one.target for one in devices.serial if one.target]
    return [
        *(f"the {one.type}" for one in devices.inputs if one.bus == "usb"),
        *("the USB hostdev" for one in devices.hostdevs if one.type == "usb"),
        *(f"the disk {one.dev}" for one in disks if one.bus == "usb"),
        *("the USB serial port" for one in serials if one.type == "usb-serial"),
        *("the USB sound card" for one in devices.sound if one.model == "usb"),
        *("redirdev" for _ in devices.redirdev),
        *("the smart card reader" for _ in devices.smartcard),
        *("the hub" for _ in devices.hub),
    ]


def _of_a_pc(devices: Devices) -> Iterator[str]:
    """`virt`, the machine of aarch64 and riscv64, has no ISA bus and so nothing that sits on one.

    It has no legacy VGA window either: a VGA card's memory is there and no firmware draws into it.
    """
    for video in devices.video:
        if video.model in VGA_COMPATIBLE:
            yield f"video: {video.model} is VGA-compatible (virtio, bochs and ramfb are not)"
    for device in devices.inputs:
        if device.bus == "ps2":
            yield f"inputs: the {device.type} is on PS/2 (virtio and usb are there)"
    for serial in devices.serial:
        target = serial.target or SerialTarget()
        if target.type in ISA_SERIAL:
            yield f"serial: {target.type} is on ISA (pci-serial and usb-serial are there)"
    if devices.parallel:
        yield "parallel: the port is on ISA"
    for disk in devices.disks:
        if disk.target and disk.target.bus in PC_BUSES:
            yield (
                f"disks: {disk.target.dev} is on {disk.target.bus} (virtio, scsi and usb are there)"
            )
    for sound in devices.sound:
        if sound.model in ISA_SOUND:
            yield f"sound: {sound.model} is on ISA"
    for watchdog in devices.watchdog:
        if watchdog.model in PC_WATCHDOGS:
            yield f"watchdog: {watchdog.model} is part of the board (i6300esb is a card)"
    for panic in devices.panic:
        if panic.model in PC_PANIC:
            yield f"panic: {panic.model} is part of the board (pvpanic is a card)"


def _board(devices: Devices, machine: str) -> Iterator[str]:
    if machine == Q35:
        for disk in devices.disks:
            if disk.target and disk.target.bus == "ide":
                yield f"devices.disks: {disk.target.dev} is on IDE, which q35 has none of"
        for watchdog in devices.watchdog:
            if watchdog.model == "ib700":
                yield "devices.watchdog: ib700 needs the machine pc, and this is q35"
        return
    for watchdog in devices.watchdog:
        if watchdog.model == "itco":
            yield f"devices.watchdog: itco is part of q35, and this is {machine}"
    if devices.iommu and devices.iommu.model == "intel":
        yield f"devices.iommu: intel needs q35, and this is {machine}"


def _iommu(devices: Devices, architecture: str) -> Iterator[str]:
    if devices.iommu and devices.iommu.model == "smmuv3" and architecture != "aarch64":
        yield f"devices.iommu: smmuv3 is of aarch64, and this is {architecture}"


def _screens(devices: Devices) -> Iterator[str]:
    if sum(one.primary == "yes" for one in devices.video) > 1:
        yield "devices.video: more than one is primary"
    for kind, times in Counter(one.type for one in devices.graphics).items():
        if times > 1:
            yield f"devices.graphics: type {kind} is there twice, and libvirt has one of each"
    for video in devices.video[1:]:
        if video.model not in SECOND_CARDS and video.primary != "yes":
            yield f"devices.video: {video.model} can only be the first card"
    if "spice" in [one.type for one in devices.graphics]:
        return
    for name in ("serial", "parallel", "console", "channels", "redirdev", "smartcard"):
        for device in getattr(devices, name):
            if device.type in OF_SPICE:
                yield f"devices.{name}: type {device.type} needs graphics of type spice"


def _usb(devices: Devices) -> Iterator[str]:
    needing = find_usb_devices(devices)
    if devices.usb and devices.usb.model == "none" and needing:
        yield f"devices.usb: is none, and {', '.join(needing)} cannot be without"


def _references(devices: Devices, iothreads: int) -> Iterator[str]:
    sounds = {one.id for one in devices.audio}
    for name in ("sound", "graphics"):
        for device in getattr(devices, name):
            if device.audio is not None and device.audio not in sounds:
                yield f"devices.{name}: there is no audio with the id {device.audio}"
    for disk in devices.disks:
        wanted = disk.driver.iothread if disk.driver else None
        if wanted is not None and wanted > iothreads:
            has = f"there are {iothreads}" if iothreads else "`iothreads` is not set"
            yield f"devices.disks: I/O thread {wanted} does not exist; {has}"
