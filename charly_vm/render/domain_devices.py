"""The `<devices>` of a libvirt domain, one function per element."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.disk_cache import choose_disk_cache


def render_disk(machine: ResolvedMachine) -> ET.Element:
    """The overlay. `discard`: what the guest trims is given back to the host's file system."""
    disk = ET.Element("disk", type="file", device="disk")
    ET.SubElement(
        disk,
        "driver",
        name="qemu",
        type="qcow2",
        cache=choose_disk_cache(machine),
        discard="unmap",
    )
    ET.SubElement(disk, "source", file=str(machine.paths.overlay))
    ET.SubElement(disk, "target", dev="vda", bus="virtio")
    ET.SubElement(disk, "boot", order="1")
    return disk


def render_seed(machine: ResolvedMachine) -> ET.Element:
    """The seed, as a virtio disk and no CD-ROM: Debian's cloud kernel has no AHCI driver."""
    disk = ET.Element("disk", type="file", device="disk")
    ET.SubElement(disk, "driver", name="qemu", type="raw")
    ET.SubElement(disk, "source", file=str(machine.paths.seed))
    ET.SubElement(disk, "target", dev="vdb", bus="virtio")
    ET.SubElement(disk, "readonly")
    return disk


def render_interface(machine: ResolvedMachine) -> ET.Element:
    """The user network by passt, the only backend under which `<portForward>` does anything.

    In `<range>` the host's port is `start` and the guest's is `to`.
    """
    interface = ET.Element("interface", type="user")
    ET.SubElement(interface, "mac", address=machine.network.mac)
    ET.SubElement(interface, "model", type=machine.network.model)
    ET.SubElement(interface, "backend", type="passt")
    for one in machine.forwards:
        forward = ET.SubElement(interface, "portForward", proto=one.protocol, address="127.0.0.1")
        ET.SubElement(forward, "range", start=str(one.host), to=str(one.guest))
    ET.SubElement(interface, "rom", enabled="no")
    return interface


def render_serial(machine: ResolvedMachine) -> ET.Element:
    """The console: a socket to talk to, and a log that keeps what was said with nobody there."""
    serial = ET.Element("serial", type="unix")
    ET.SubElement(serial, "source", mode="bind", path=str(machine.paths.console_socket))
    ET.SubElement(serial, "log", file=str(machine.paths.console_log), append="on")
    target = ET.SubElement(serial, "target", type="isa-serial", port="0")
    ET.SubElement(target, "model", name="isa-serial")
    return serial


def render_guest_agent() -> ET.Element:
    """The guest agent's channel; without a path libvirt keeps its socket where it looks for it."""
    channel = ET.Element("channel", type="unix")
    ET.SubElement(channel, "target", type="virtio", name="org.qemu.guest_agent.0")
    return channel


def render_video() -> ET.Element:
    video = ET.Element("video")
    ET.SubElement(video, "model", type="virtio", heads="1", primary="yes")
    return video


def render_rng() -> ET.Element:
    rng = ET.Element("rng", model="virtio")
    ET.SubElement(rng, "backend", model="random").text = "/dev/urandom"
    return rng


def render_absent() -> list[ET.Element]:
    """Devices that libvirt adds unless it is told not to, and that nothing here uses."""
    return [
        ET.Element("controller", type="usb", model="none"),
        ET.Element("memballoon", model="none"),
    ]
