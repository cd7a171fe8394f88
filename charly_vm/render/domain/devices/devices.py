"""All devices in one element: what every machine has, and what the author adds or chooses."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator

from charly_vm.model.libvirt.devices import Devices
from charly_vm.model.resolved import Carrier, ResolvedMachine
from charly_vm.render.domain.devices.audio import render_audio
from charly_vm.render.domain.devices.channel import render_channels
from charly_vm.render.domain.devices.console import render_console
from charly_vm.render.domain.devices.controller import render_controllers
from charly_vm.render.domain.devices.disk import render_disk, render_own_disk, render_seed
from charly_vm.render.domain.devices.filesystem import render_filesystem
from charly_vm.render.domain.devices.graphics import render_graphics
from charly_vm.render.domain.devices.hostdev import render_hostdev
from charly_vm.render.domain.devices.hub import render_hub
from charly_vm.render.domain.devices.input import render_input
from charly_vm.render.domain.devices.interface import render_interface, render_own_interface
from charly_vm.render.domain.devices.iommu import render_iommu
from charly_vm.render.domain.devices.memballoon import render_memballoon
from charly_vm.render.domain.devices.panic import render_panic
from charly_vm.render.domain.devices.redirdev import render_redirdev
from charly_vm.render.domain.devices.rng import render_rng
from charly_vm.render.domain.devices.serial import (
    render_own_serial,
    render_parallel,
    render_serial,
)
from charly_vm.render.domain.devices.shmem import render_shmem
from charly_vm.render.domain.devices.smartcard import render_smartcard
from charly_vm.render.domain.devices.sound import render_sound
from charly_vm.render.domain.devices.tpm import render_tpm
from charly_vm.render.domain.devices.user_network import find_slirp_interfaces
from charly_vm.render.domain.devices.video import render_video
from charly_vm.render.domain.devices.vsock import render_vsock
from charly_vm.render.domain.devices.watchdog import render_watchdog
from charly_vm.render.domain.element import add_text


def render_devices(machine: ResolvedMachine) -> ET.Element:
    """`<devices>`. Cards on QEMU's own user network are not in it: see `user_network`."""
    devices = machine.libvirt.devices
    element = ET.Element("devices")
    add_text(element, "emulator", devices.emulator or machine.emulator)
    element.append(render_own_disk(machine))
    element.append(render_seed(machine))
    element.extend(map(render_disk, devices.disks))
    element.extend(map(render_filesystem, devices.filesystems))
    element.extend(_interfaces(machine))
    element.append(render_own_serial(machine))
    element.extend(map(render_serial, devices.serial))
    element.extend(map(render_parallel, devices.parallel))
    # One on the serial port would only be libvirt's copy of the port.
    element.extend(render_console(one) for one in devices.console if one.target.type != "serial")
    element.extend(render_channels(devices.channels))
    element.extend(_others(devices))
    return element


def _interfaces(machine: ResolvedMachine) -> Iterator[ET.Element]:
    if machine.network.carrier is not Carrier.SLIRP:
        yield render_own_interface(machine)
    by_hand = find_slirp_interfaces(machine)
    for interface in machine.libvirt.devices.interfaces:
        if interface not in by_hand:
            yield render_interface(interface)


def _others(devices: Devices) -> Iterator[ET.Element]:
    yield from map(render_input, devices.inputs)
    yield from map(render_graphics, devices.graphics)
    yield from map(render_audio, devices.audio)
    yield from map(render_sound, devices.sound)
    yield from map(render_video, devices.video)
    yield from map(render_hostdev, devices.hostdevs)
    yield from map(render_redirdev, devices.redirdev)
    yield from map(render_hub, devices.hub)
    yield from map(render_smartcard, devices.smartcard)
    yield from map(render_tpm, devices.tpm)
    yield from map(render_watchdog, devices.watchdog)
    yield from map(render_shmem, devices.shmem)
    yield from map(render_rng, devices.rng)
    yield from render_controllers(devices)
    if devices.memballoon:
        yield render_memballoon(devices.memballoon)
    if devices.iommu:
        yield render_iommu(devices.iommu)
    if devices.vsock:
        yield render_vsock(devices.vsock)
    yield from map(render_panic, devices.panic)
