"""Keyboards and pointers."""

from __future__ import annotations

from charly_vm.model.libvirt.devices.input import Input
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.qemu import buses
from charly_vm.render.qemu.option import Value, backend_object, device, switch
from charly_vm.render.qemu.virtio import virtio_options

USB = {"tablet": "usb-tablet", "mouse": "usb-mouse", "keyboard": "usb-kbd"}
VIRTIO = {
    "tablet": "virtio-tablet-pci",
    "mouse": "virtio-mouse-pci",
    "keyboard": "virtio-keyboard-pci",
    "passthrough": "virtio-input-host-pci",
}


def render_inputs(machine: ResolvedMachine) -> list[str]:
    words = []
    for number, one in enumerate(machine.libvirt.devices.inputs, 1):
        if one.type == "evdev":
            words += _host_events(f"input{number}", one)
            continue
        # Nothing to say for ps2: the board has a keyboard and a mouse of that kind already.
        match one.bus:
            case "usb":
                words += device(USB[one.type], {"bus": buses.USB})
            case "virtio":
                evdev = one.source.dev if one.source else None
                options: dict[str, Value] = {
                    "evdev": evdev,
                    **virtio_options(one.driver),
                }
                words += device(VIRTIO[one.type], options)
    return words


def _host_events(name: str, one: Input) -> list[str]:
    """The host's own device, taken over by QEMU."""
    if one.source is None:
        return []
    return backend_object(
        "input-linux",
        {
            "id": name,
            "evdev": one.source.dev,
            "grab_all": one.source.grab == "all" or None,
            "repeat": switch(one.source.repeat),
            "grab-toggle": one.source.grab_toggle,
        },
    )
