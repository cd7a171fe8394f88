"""Where on its bus a disk is: from its name, as libvirt derives it."""

from __future__ import annotations

from dataclasses import dataclass, field

from charly_vm.model.libvirt.devices.disk import Disk
from charly_vm.model.qemu_limits.storage import disk_index
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.qemu import buses
from charly_vm.render.qemu.option import Properties


@dataclass(frozen=True, slots=True)
class Place:
    bus: str
    address: Properties = field(default_factory=dict)
    """The properties that say it to QEMU."""


def place_disk(disk: Disk, machine: ResolvedMachine) -> Place:
    target = disk.target
    if target is None or target.bus is None:
        raise ValueError("the disk has not been resolved")
    index = disk_index(target.dev)
    match target.bus:
        case "usb":
            return Place("usb", {"bus": buses.USB})
        case "scsi":
            return Place("scsi", {"bus": buses.SCSI, "scsi-id": 0, "lun": index})
        case "sata":
            controller = "ide" if machine.machine.startswith(buses.Q35) else buses.SATA_CONTROLLER
            return Place("sata", {"bus": f"{controller}.{index}"})
        case "ide":
            return Place("ide", {"bus": f"ide.{index // 2}", "unit": index % 2})
        case "fdc":
            return Place("fdc", {"unit": index})
    return Place(target.bus)
