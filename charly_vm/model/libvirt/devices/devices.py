"""All devices that an author adds or chooses. A list that is empty leaves the default in place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Self

from pydantic import model_validator

from charly_vm.model.base import Model
from charly_vm.model.libvirt.devices.audio import Audio
from charly_vm.model.libvirt.devices.channel import Channel
from charly_vm.model.libvirt.devices.console import Console
from charly_vm.model.libvirt.devices.disk import Disk
from charly_vm.model.libvirt.devices.filesystem import Filesystem
from charly_vm.model.libvirt.devices.graphics import Graphics
from charly_vm.model.libvirt.devices.hostdev import Hostdev
from charly_vm.model.libvirt.devices.hub import Hub
from charly_vm.model.libvirt.devices.input import Input
from charly_vm.model.libvirt.devices.interface import Interface
from charly_vm.model.libvirt.devices.iommu import Iommu
from charly_vm.model.libvirt.devices.memballoon import Memballoon
from charly_vm.model.libvirt.devices.notation import Several
from charly_vm.model.libvirt.devices.panic import Panic
from charly_vm.model.libvirt.devices.redirdev import Redirdev
from charly_vm.model.libvirt.devices.rng import Rng
from charly_vm.model.libvirt.devices.serial import Parallel, Serial
from charly_vm.model.libvirt.devices.shmem import Shmem
from charly_vm.model.libvirt.devices.smartcard import Smartcard
from charly_vm.model.libvirt.devices.sound import Sound
from charly_vm.model.libvirt.devices.tpm import Tpm
from charly_vm.model.libvirt.devices.usb import Usb
from charly_vm.model.libvirt.devices.values import AbsolutePath
from charly_vm.model.libvirt.devices.video import Video
from charly_vm.model.libvirt.devices.vsock import Vsock
from charly_vm.model.libvirt.devices.watchdog import Watchdog

OWN_DISKS = ("vda", "vdb")
"""The machine's disk and its seed."""


class Devices(Model):
    """What the machine has anyway (its disk, seed, network card, serial console, agent's channel)
    is not written here."""

    emulator: AbsolutePath | None = None
    """Instead of the host's own QEMU for the architecture."""
    disks: Several[Disk] = ()
    interfaces: Several[Interface] = ()
    channels: Several[Channel] = ()
    serial: Several[Serial] = ()
    console: Several[Console] = ()
    parallel: Several[Parallel] = ()
    graphics: Several[Graphics] = ()
    video: Several[Video] = ()
    audio: Several[Audio] = ()
    sound: Several[Sound] = ()
    inputs: Several[Input] = ()
    usb: Usb | None = None
    redirdev: Several[Redirdev] = ()
    hostdevs: Several[Hostdev] = ()
    filesystems: Several[Filesystem] = ()
    rng: Several[Rng] = ()
    tpm: Several[Tpm] = ()
    watchdog: Several[Watchdog] = ()
    memballoon: Memballoon | None = None
    shmem: Several[Shmem] = ()
    iommu: Iommu | None = None
    vsock: Vsock | None = None
    panic: Several[Panic] = ()
    smartcard: Several[Smartcard] = ()
    hub: Several[Hub] = ()

    @property
    def boot_orders(self) -> Iterator[int]:
        """Every order that a device has been given."""
        for group in (
            self.disks,
            self.interfaces,
            self.redirdev,
            self.hostdevs,
            self.filesystems,
        ):
            for device in group:
                order = getattr(device, "boot", None)
                if order is not None:
                    yield order

    @property
    def own_boot_order(self) -> int:
        """The machine's own disk is tried first of those that the author has not placed."""
        taken = set(self.boot_orders)
        return next(order for order in count(1) if order not in taken)

    @property
    def need_shared_memory(self) -> bool:
        """Whether a process beside QEMU reads the guest's memory."""
        return (
            any(one.driver.type == "virtiofs" for one in self.filesystems)
            or any(one.type == "vhostuser" for one in self.disks)
            or any(one.type == "vhostuser" for one in self.interfaces)
            or any(_is_rendered_outside(one) for one in self.video)
        )

    @model_validator(mode="after")
    def _gives_each_boot_order_once(self) -> Self:
        twice = [order for order, times in Counter(self.boot_orders).items() if times > 1]
        if twice:
            raise ValueError(f"boot: {twice[0]} is given to more than one device")
        return self

    @model_validator(mode="after")
    def _names_each_disk_once(self) -> Self:
        taken = Counter(OWN_DISKS)
        taken.update(disk.target.dev for disk in self.disks if disk.target)
        for name, times in taken.items():
            if times > 1 and name in OWN_DISKS:
                raise ValueError(f"the disk {name} is the machine's own; the next free is vdc")
            if times > 1:
                raise ValueError(f"the disk {name} is there twice")
        return self


def _is_rendered_outside(video: Video) -> bool:
    by_user = video.driver is not None and video.driver.name == "vhostuser"
    return by_user or video.blob == "on"
