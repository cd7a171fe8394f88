"""`<qemu:commandline>`: what QEMU can do and libvirt's XML cannot say."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.libvirt.snippets import QEMU_NAMESPACE
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.domain.devices.user_network import render_user_network_arguments
from charly_vm.render.domain.sysinfo import render_processor_table

COMMAND_LINE = f"{{{QEMU_NAMESPACE}}}commandline"

ET.register_namespace("qemu", QEMU_NAMESPACE)


def render_command_line(machine: ResolvedMachine) -> ET.Element | None:
    words = [*render_processor_table(machine), *render_user_network_arguments(machine)]
    if not words:
        return None
    command_line = ET.Element(COMMAND_LINE)
    for word in words:
        ET.SubElement(command_line, f"{{{QEMU_NAMESPACE}}}arg", value=word)
    return command_line
