"""`<serial>` and `<parallel>`: the machine's console, and the ports behind it."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.libvirt.devices.serial import Parallel, Serial
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.domain.devices.host_end import render_character
from charly_vm.render.domain.element import add_given

OWN_PORTS = {
    "x86_64": ("isa-serial", "isa-serial"),
    "aarch64": ("system-serial", "pl011"),
    "riscv64": ("system-serial", "16550a"),
}
"""libvirt's type and model of the port that an architecture's firmware and kernels talk to."""


def render_own_serial(machine: ResolvedMachine) -> ET.Element:
    """The console: a socket to talk to, and a log that keeps what was said with nobody there.

    Another hypervisor has no place for files of ours, and its pseudo-terminal comes as a stream.
    """
    kind, model = OWN_PORTS[machine.architecture]
    serial = ET.Element("serial", type="pty" if machine.hypervisor else "unix")
    if not machine.hypervisor:
        ET.SubElement(serial, "source", mode="bind", path=str(machine.paths.console_socket))
        ET.SubElement(serial, "log", file=str(machine.paths.console_log), append="on")
    target = ET.SubElement(serial, "target", type=kind, port="0")
    ET.SubElement(target, "model", name=model)
    return serial


def render_serial(serial: Serial) -> ET.Element:
    element = render_character("serial", serial)
    if serial.target:
        target = add_given(element, "target", type=serial.target.type, port=serial.target.port)
        if target is not None:
            add_given(target, "model", name=serial.target.model)
    return element


def render_parallel(parallel: Parallel) -> ET.Element:
    element = render_character("parallel", parallel)
    if parallel.target:
        add_given(element, "target", port=parallel.target.port)
    return element
