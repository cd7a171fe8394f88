"""USB: the controller, hubs, and places where a viewer plugs in devices of its own."""

from __future__ import annotations

from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.qemu import buses
from charly_vm.render.qemu.character import render_character
from charly_vm.render.qemu.option import Value, device

CONTROLLERS = {
    "nec-xhci": "nec-usb-xhci",
    "ich9-ehci1": "ich9-usb-ehci1",
    "ehci": "usb-ehci",
    "piix3-uhci": "piix3-usb-uhci",
    "piix4-uhci": "piix4-usb-uhci",
}
"""QEMU's names of controllers that libvirt calls otherwise."""


def render_usb(machine: ResolvedMachine) -> list[str]:
    devices = machine.libvirt.devices
    words = []
    chosen = devices.usb
    if chosen is not None and chosen.model != "none":
        properties: dict[str, Value] = {
            "id": buses.USB_CONTROLLER,
            "p2": chosen.ports,
            "p3": chosen.ports,
        }
        words += device(CONTROLLERS.get(chosen.model, chosen.model), properties)
    for _ in devices.hub:
        words += device("usb-hub", {"bus": buses.USB})
    for number, redirected in enumerate(devices.redirdev, 1):
        name = f"redirdev{number}"
        properties = {"chardev": name, "bus": buses.USB, "bootindex": redirected.boot}
        words += render_character(name, redirected, machine.paths, spice="usbredir")
        words += device("usb-redir", properties)
    return words
