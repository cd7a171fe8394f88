"""Devices of the host's that the guest gets: PCI functions, mediated devices, USB devices.

QEMU binds no drivers, as libvirt's session daemon does not: a PCI function has to be on vfio-pci
already, whatever `managed` says.
"""

from __future__ import annotations

from charly_vm.model.libvirt.devices.hostdev import (
    Hostdev,
    MediatedHostdev,
    PciHostdev,
    UsbHostdev,
)
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.qemu import buses
from charly_vm.render.qemu.option import Properties, Value, device
from charly_vm.render.qemu.rom import render_rom

RESETS: dict[str, Properties] = {
    "off": {"guest-reset": False},
    "uninitialized": {"guest-reset": True, "guest-resets-all": False},
    "on": {"guest-reset": True, "guest-resets-all": True},
}
"""When the guest may reset a USB device: never, before it has an address, or always."""


def render_hostdevs(machine: ResolvedMachine) -> list[str]:
    words = []
    for number, given in enumerate(machine.libvirt.devices.hostdevs, 1):
        words += _render(number, given, machine)
    return words


def _render(number: int, given: Hostdev, machine: ResolvedMachine) -> list[str]:
    match given:
        case PciHostdev():
            return _pci(number, given, machine)
        case MediatedHostdev():
            return _vfio(
                {
                    "sysfsdev": f"/sys/bus/mdev/devices/{given.source.uuid.lower()}",
                    "display": given.display,
                    "ramfb": True if given.ramfb == "on" else None,
                }
            )
        case UsbHostdev():
            return _usb(given)
    return []


def _pci(number: int, given: PciHostdev, machine: ResolvedMachine) -> list[str]:
    words: list[str] = []
    properties: dict[str, Value] = {"host": str(given.source)}
    if buses.has_pci_express(machine):
        # Drivers of graphics cards look for the port that their card sits behind.
        port = f"hostdev-port{number}"
        words += device("pcie-root-port", {"id": port, "chassis": number, "slot": number})
        properties["bus"] = port
    properties |= render_rom(given.rom)
    properties |= {
        "display": given.display,
        "ramfb": True if given.ramfb == "on" else None,
        "bootindex": given.boot,
    }
    return [*words, *_vfio(properties)]


def _vfio(properties: Properties) -> list[str]:
    # The variant with a frame buffer of QEMU's own until the guest's driver has come up.
    driver = "vfio-pci-nohotplug" if properties["ramfb"] else "vfio-pci"
    return device(driver, properties)


def _usb(given: UsbHostdev) -> list[str]:
    source = given.source
    properties: dict[str, Value] = {
        "bus": buses.USB,
        "vendorid": None if source.vendor is None else f"{source.vendor:#06x}",
        "productid": None if source.product is None else f"{source.product:#06x}",
        "hostbus": source.bus,
        "hostaddr": source.device,
        **RESETS.get(source.guest_reset or "", {}),
        "bootindex": given.boot,
    }
    return device("usb-host", properties)
