"""The names of the buses that devices are plugged into."""

from __future__ import annotations

from charly_vm.model.resolved import ResolvedMachine

USB_CONTROLLER = "usb"
USB = f"{USB_CONTROLLER}.0"

SERIAL_CONTROLLER = "virtio-serial"
SERIAL = f"{SERIAL_CONTROLLER}.0"

SCSI_CONTROLLER = "scsi"
SCSI = f"{SCSI_CONTROLLER}.0"

SATA_CONTROLLER = "sata"
"""On other boards than q35, which has one of its own called ide."""

Q35 = ("q35", "pc-q35")
"""How the names of its machine types begin."""


def has_pci_express(machine: ResolvedMachine) -> bool:
    """Whether the machine's root is PCI Express: all but the boards of the 1990s."""
    return machine.machine.startswith((*Q35, "virt"))
