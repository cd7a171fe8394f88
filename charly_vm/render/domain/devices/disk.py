"""`<disk>`: the machine's own, its seed, and the author's."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.libvirt.devices.disk import Disk, DiskSource
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.disk_cache import choose_disk_cache
from charly_vm.render.domain.devices.driver import virtio_attributes
from charly_vm.render.domain.element import add_given, add_text, attributes_given


def render_own_disk(machine: ResolvedMachine) -> ET.Element:
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
    ET.SubElement(disk, "source", file=machine.disk_file)
    ET.SubElement(disk, "target", dev="vda", bus="virtio")
    ET.SubElement(disk, "boot", order=str(machine.libvirt.devices.own_boot_order))
    return disk


def render_seed(machine: ResolvedMachine) -> ET.Element:
    """The seed, as a virtio disk and no CD-ROM: Debian's cloud kernel has no AHCI driver."""
    disk = ET.Element("disk", type="file", device="disk")
    ET.SubElement(disk, "driver", name="qemu", type="raw")
    ET.SubElement(disk, "source", file=machine.seed_file)
    ET.SubElement(disk, "target", dev="vdb", bus="virtio")
    ET.SubElement(disk, "readonly")
    return disk


def render_disk(disk: Disk) -> ET.Element:
    element = ET.Element(
        "disk",
        attributes_given(
            type=disk.type, device=disk.device, model=disk.model, snapshot=disk.snapshot
        ),
    )
    _add_driver(element, disk)
    if disk.source:
        element.append(_render_source(disk.type, disk.source))
    _add_target(element, disk)
    for name in ("readonly", "shareable", "transient"):
        if getattr(disk, name):
            ET.SubElement(element, name)
    for name in ("serial", "wwn", "vendor", "product"):
        if text := getattr(disk, name):
            add_text(element, name, text)
    add_given(element, "boot", order=disk.boot)
    return element


def _add_driver(element: ET.Element, disk: Disk) -> None:
    driver = disk.driver
    if driver is None:
        return
    add_given(
        element,
        "driver",
        name=driver.name,
        type=driver.type,
        cache=driver.cache,
        io=driver.io,
        discard=driver.discard,
        discard_no_unref=driver.discard_no_unref,
        detect_zeroes=driver.detect_zeroes,
        error_policy=driver.error_policy,
        rerror_policy=driver.rerror_policy,
        ioeventfd=driver.ioeventfd,
        event_idx=driver.event_idx,
        copy_on_read=driver.copy_on_read,
        iothread=driver.iothread,
        queues=driver.queues,
        queue_size=driver.queue_size,
        **virtio_attributes(driver),
    )


def _render_source(kind: str, source: DiskSource) -> ET.Element:
    element = ET.Element(
        "source",
        attributes_given(
            type="unix" if kind == "vhostuser" else None,
            file=source.file,
            dev=source.dev,
            dir=source.dir,
            pool=source.pool,
            volume=source.volume,
            mode=source.mode,
            protocol=source.protocol,
            name=source.name,
            query=source.query,
            tls=source.tls,
            path=source.path,
            startupPolicy=source.startup_policy,
        ),
    )
    for host in source.host:
        add_given(
            element,
            "host",
            name=host.name,
            port=host.port,
            transport=host.transport,
            socket=host.socket,
        )
    return element


def _add_target(element: ET.Element, disk: Disk) -> None:
    if target := disk.target:
        add_given(
            element,
            "target",
            dev=target.dev,
            bus=target.bus,
            tray=target.tray,
            removable=target.removable,
            rotation_rate=target.rotation_rate,
        )
