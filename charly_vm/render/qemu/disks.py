"""The machine's disk and seed, and the author's further disks with their controllers."""

from __future__ import annotations

from charly_vm.model.libvirt.devices.disk import Disk, DiskDriver
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.disk_cache import choose_disk_cache
from charly_vm.render.qemu import buses
from charly_vm.render.qemu.disk_bus import Place, place_disk
from charly_vm.render.qemu.disk_source import render_image
from charly_vm.render.qemu.option import Properties, Value, device, option, switch
from charly_vm.render.qemu.virtio import virtio_device, virtio_options

POLICIES = {"enospace": "enospc"}
"""QEMU's names of error policies that libvirt calls otherwise."""


def render_own_disks(machine: ResolvedMachine) -> list[str]:
    disk: dict[str, Value] = {
        "id": "disk",
        "format": "qcow2",
        "file": machine.paths.overlay,
        "cache": choose_disk_cache(machine),
        # What the guest trims is given back to the host's file system.
        "discard": "unmap",
    }
    order = machine.libvirt.devices.own_boot_order
    seed: dict[str, Value] = {"id": "seed", "format": "raw", "file": machine.paths.seed}
    return [
        *("-drive", option("if=none", disk)),
        *device("virtio-blk-pci", {"drive": "disk", "bootindex": order}),
        # A virtio disk and no CD-ROM: Debian's cloud kernel has no AHCI driver.
        *("-drive", option("if=none", seed | {"readonly": True})),
        *device("virtio-blk-pci", {"drive": "seed"}),
    ]


def render_disks(machine: ResolvedMachine) -> list[str]:
    disks = machine.libvirt.devices.disks
    places = [place_disk(one, machine) for one in disks]
    words = _controllers(machine, places)
    for number, (disk, place) in enumerate(zip(disks, places, strict=True), 1):
        name = f"disk{number}"
        has_medium = disk.source is not None
        if has_medium:
            words += ["-drive", option("if=none", {"id": name, **render_image(disk)})]
        attached: dict[str, Value] = {"drive": name if has_medium else None}
        words += device(_driver(disk, place), attached | dict(_guest_side(disk, place)))
    return words


def _controllers(machine: ResolvedMachine, places: list[Place]) -> list[str]:
    used = {one.bus for one in places}
    words = []
    if "scsi" in used:
        on_scsi = [
            disk.driver.iothread
            for disk, place in zip(machine.libvirt.devices.disks, places, strict=True)
            if place.bus == "scsi" and disk.driver and disk.driver.iothread
        ]
        thread = f"iothread{on_scsi[0]}" if on_scsi else None
        words += device("virtio-scsi-pci", {"id": buses.SCSI_CONTROLLER, "iothread": thread})
    if "sata" in used and not machine.machine.startswith(buses.Q35):
        words += device("ich9-ahci", {"id": buses.SATA_CONTROLLER})
    if "fdc" in used and machine.machine.startswith(buses.Q35):
        words += device("isa-fdc", {})
    return words


def _driver(disk: Disk, place: Place) -> str:
    match place.bus:
        case "virtio":
            return virtio_device("virtio-blk", disk.model)
        case "usb":
            return "usb-storage"
        case "fdc":
            return "floppy"
        case "scsi" if disk.device == "lun":
            return "scsi-block"
    family = "scsi" if place.bus == "scsi" else "ide"
    return f"{family}-cd" if disk.device == "cdrom" else f"{family}-hd"


def _guest_side(disk: Disk, place: Place) -> Properties:
    driver, target = disk.driver or DiskDriver(), disk.target
    properties: dict[str, Value] = {
        **place.address,
        "bootindex": disk.boot,
        "serial": disk.serial,
        "wwn": disk.wwn and f"0x{disk.wwn.removeprefix('0x')}",
        "vendor": disk.vendor,
        "product": disk.product,
        "share-rw": disk.shareable or None,
        "removable": switch(target.removable) if target else None,
        "rotation_rate": target.rotation_rate if target else None,
        "werror": POLICIES.get(driver.error_policy or "", driver.error_policy),
        "rerror": driver.rerror_policy,
    }
    if place.bus == "virtio":
        properties |= {
            "ioeventfd": switch(driver.ioeventfd),
            "event_idx": switch(driver.event_idx),
            "iothread": f"iothread{driver.iothread}" if driver.iothread else None,
            "num-queues": driver.queues,
            "queue-size": driver.queue_size,
            **virtio_options(driver, disk.model),
        }
    return properties
