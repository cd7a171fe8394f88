"""Limits of network cards, USB, devices of the host's and the small ones."""

from __future__ import annotations

from collections.abc import Iterator

from charly_vm.model.libvirt.devices.hostdev import Hostdev
from charly_vm.model.libvirt.devices.input import Input
from charly_vm.model.libvirt.devices.interface import Interface
from charly_vm.model.libvirt.devices.tpm import Tpm
from charly_vm.model.libvirt.devices.watchdog import Watchdog
from charly_vm.model.qemu_limits.places import name_members
from charly_vm.model.resolved import ResolvedMachine

FOREIGN_INTERFACES = {
    "network": "network needs the libvirt backend, which manages such networks",
    "direct": "direct needs the libvirt backend, which opens a macvtap",
    "vhostuser": "vhostuser needs the libvirt backend",
    "hostdev": "hostdev needs the libvirt backend, which gives the card its address; "
    "take `hostdevs`",
}
XHCI = ("none", "qemu-xhci", "nec-xhci")


def find_device_limits(machine: ResolvedMachine) -> Iterator[str]:
    devices = machine.libvirt.devices
    for name, interface in name_members("devices.interfaces", devices.interfaces):
        yield from _interface(name, interface)
    for name, given in name_members("devices.hostdevs", devices.hostdevs):
        yield from _hostdev(name, given)
    for name, one in name_members("devices.inputs", devices.inputs):
        yield from _input(name, one)
    for name, tpm in name_members("devices.tpm", devices.tpm):
        yield from _tpm(name, tpm)
    yield from _watchdogs(devices.watchdog)
    if devices.usb is not None:
        if devices.usb.model == "vt82c686b-uhci":
            yield "devices.usb.model: vt82c686b-uhci is of other architectures"
        if devices.usb.ports is not None and devices.usb.model not in XHCI:
            yield "devices.usb.ports: QEMU counts them on xhci alone"
    if devices.vsock is not None and devices.vsock.model == "virtio-transitional":
        yield "devices.vsock.model: vsock came with virtio 1.0 and has no older form"
    for name, shmem in name_members("devices.shmem", devices.shmem):
        if shmem.server is not None and shmem.server.path is None:
            yield f"{name}.server: needs the path of the server's socket"


def _interface(name: str, interface: Interface) -> Iterator[str]:
    if interface.type in FOREIGN_INTERFACES:
        yield f"{name}.type: {FOREIGN_INTERFACES[interface.type]}"
        return
    if interface.type == "user" and interface.source is not None:
        yield f"{name}.source: belongs to passt, which needs the libvirt backend"
    if interface.type == "ethernet":
        if interface.target is None or interface.target.dev is None:
            yield f"{name}.target: needs the name of a tap that is there: `target: tap0`"
        elif interface.target.managed == "yes":
            yield f"{name}.target.managed: needs the libvirt backend, which makes taps"
    elif interface.target is not None:
        yield f"{name}.target: needs the libvirt backend, which names the host's end"
    if interface.link is not None and interface.link.state == "down":
        yield f"{name}.link: QEMU starts with every cable plugged in"
    if interface.driver is not None and interface.driver.name == "vhost":
        yield f"{name}.driver.name: vhost needs the libvirt backend, which opens it"
    if not interface.model.startswith("virtio"):
        if interface.mtu is not None:
            yield f"{name}.mtu: QEMU tells it to virtio alone"
        if interface.driver is not None:
            yield f"{name}.driver: belongs to virtio"


def _hostdev(name: str, given: Hostdev) -> Iterator[str]:
    if given.type == "scsi":
        yield f"{name}.type: scsi needs the libvirt backend, which finds the device's file"
        return
    if given.type != "mdev" and getattr(given.source, "startup_policy", None) in (
        "requisite",
        "optional",
    ):
        yield f"{name}.source.startup_policy: needs the libvirt backend, which looks for it"


def _input(name: str, one: Input) -> Iterator[str]:
    if one.bus != "virtio" and one.type != "evdev" and one.driver is not None:
        yield f"{name}.driver: belongs to the bus virtio"


def _tpm(name: str, tpm: Tpm) -> Iterator[str]:
    match tpm.backend.type:
        case "emulator":
            yield f"{name}: needs the libvirt backend, which starts swtpm"
        case "external":
            yield f"{name}.backend: external needs the libvirt backend"
        case "passthrough" if tpm.backend.version is not None:
            yield f"{name}.backend.version: the host's own module has the one that it has"


def _watchdogs(watchdogs: tuple[Watchdog, ...]) -> Iterator[str]:
    for name, one in name_members("devices.watchdog", watchdogs):
        if one.action == "dump":
            yield f"{name}.action: dump needs the libvirt backend, which writes it"
    if len({one.action or "reset" for one in watchdogs}) > 1:
        yield "devices.watchdog: QEMU has one action for all of them"
