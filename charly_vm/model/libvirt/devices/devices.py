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
    """Disks beside the machine's own and its seed, which are vda and vdb."""
    interfaces: Several[Interface] = ()
    """Network cards beside the machine's own, which `network` describes."""
    channels: Several[Channel] = ()
    """Private lines between programs in the guest and the host."""
    serial: Several[Serial] = ()
    """Serial ports beside the machine's own console, which is the first."""
    console: Several[Console] = ()
    """Text consoles that are no serial port, such as virtio's /dev/hvc0."""
    parallel: Several[Parallel] = ()
    """Parallel ports."""
    graphics: Several[Graphics] = ()
    """How people see the guest's screen."""
    video: Several[Video] = ()
    """The guest's graphics cards."""
    audio: Several[Audio] = ()
    """What the host does with the guest's sound."""
    sound: Several[Sound] = ()
    """The guest's sound cards."""
    inputs: Several[Input] = ()
    """Keyboards and pointers beside those that the machine type has."""
    usb: Usb | None = None
    """The USB controller; without one, a machine has it where another of its devices needs it."""
    redirdev: Several[Redirdev] = ()
    """Places where a viewer can plug in a USB device of its own."""
    hostdevs: Several[Hostdev] = ()
    """Devices of the host that are handed to the guest."""
    filesystems: Several[Filesystem] = ()
    """Directories of the host that the guest can mount."""
    rng: Several[Rng] = ()
    """Where the guest's randomness comes from."""
    tpm: Several[Tpm] = ()
    """A trusted platform module."""
    watchdog: Several[Watchdog] = ()
    """Acts when the guest no longer says that it is alive."""
    memballoon: Memballoon | None = None
    """Memory that the host takes back from the guest."""
    shmem: Several[Shmem] = ()
    """Memory shared between guests, or with a program of the host's."""
    iommu: Iommu | None = None
    """An IOMMU that the guest itself can use, for VFIO inside of it."""
    vsock: Vsock | None = None
    """Sockets between host and guest that need no network."""
    panic: Several[Panic] = ()
    """How a guest says that its kernel has panicked."""
    smartcard: Several[Smartcard] = ()
    """A card reader with a card in it."""
    hub: Several[Hub] = ()
    """More USB ports."""

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
