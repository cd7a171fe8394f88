"""The machine's serial console, and further serial, parallel and virtio consoles."""

from __future__ import annotations

from charly_vm.model.libvirt.devices.serial import Serial
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.qemu import buses
from charly_vm.render.qemu.character import listening_socket, render_character
from charly_vm.render.qemu.option import Value, device

DRIVERS = {"isa-debug": "isa-debugcon"}
"""QEMU's names of serial ports that libvirt calls otherwise."""


def render_console(machine: ResolvedMachine) -> list[str]:
    """A socket to talk to, and a log that keeps what was said with nobody there."""
    log: dict[str, Value] = {"logfile": machine.paths.console_log, "logappend": True}
    chardev = listening_socket("console", machine.paths.console_socket, log)
    if machine.architecture == "x86_64":
        return [*chardev, *device("isa-serial", {"chardev": "console"})]
    # The boards of other architectures have their port already: pl011, 16550.
    return [*chardev, "-serial", "chardev:console"]


def render_ports(machine: ResolvedMachine) -> list[str]:
    """What the author adds."""
    devices, paths = machine.libvirt.devices, machine.paths
    words = []
    for number, serial in enumerate(devices.serial, 1):
        name = f"serial{number}"
        words += [*render_character(name, serial, paths), *_serial(name, serial)]
    for number, parallel in enumerate(devices.parallel, 1):
        name = f"parallel{number}"
        index = parallel.target.port if parallel.target else None
        words += render_character(name, parallel, paths)
        words += device("isa-parallel", {"chardev": name, "index": index})
    for number, console in enumerate(devices.console, 1):
        name = f"console{number}"
        if console.target.type == "virtio":
            words += render_character(name, console, paths)
            words += device("virtconsole", {"bus": buses.SERIAL, "chardev": name})
    return words


def _serial(name: str, serial: Serial) -> list[str]:
    kind = (serial.target.type if serial.target else None) or "isa-serial"
    properties: dict[str, Value] = {"chardev": name}
    if kind == "isa-serial":
        properties["index"] = serial.target.port if serial.target else None
    if kind == "usb-serial":
        properties["bus"] = buses.USB
    return device(DRIVERS.get(kind, kind), properties)
