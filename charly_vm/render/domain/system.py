"""`<os>`: architecture and machine type, the firmware, and that SMBIOS is ours to fill in."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.domain.element import add_text, attributes_given
from charly_vm.render.domain.sysinfo import render_sysinfo


def render_os(machine: ResolvedMachine) -> ET.Element:
    system = ET.Element("os")
    add_text(system, "type", "hvm", arch=machine.architecture, machine=machine.machine)
    if machine.firmware.code:
        _add_firmware(system, machine)
    elif machine.firmware.name != "bios":
        _have_firmware_chosen(system, machine)
    if render_sysinfo(machine) is not None:
        ET.SubElement(system, "smbios", mode="sysinfo")
    return system


def _add_firmware(system: ET.Element, machine: ResolvedMachine) -> None:
    """UEFI in two flash chips: the code, which all share, and the machine's own variables.

    libvirt 9.0 knows no `format`, which is raw without it.
    """
    firmware = machine.firmware
    written = firmware.format if firmware.format != "raw" else None
    loader = add_text(system, "loader", firmware.code, readonly="yes", type="pflash")
    if firmware.smm:
        loader.set("secure", "yes")
    loader.attrib.update(attributes_given(format=written))
    nvram = add_text(system, "nvram", str(machine.paths.nvram))
    nvram.set("template", firmware.vars_template)
    nvram.attrib.update(attributes_given(templateFormat=written, format=written))


def _have_firmware_chosen(system: ET.Element, machine: ResolvedMachine) -> None:
    """Name what the firmware has to do, and have libvirt choose one that its host has.

    The variables are a file beside the machine's disk, so that they go when it goes.
    """
    system.set("firmware", "efi")
    secure = "yes" if machine.firmware.name == "uefi-secure" else "no"
    firmware = ET.SubElement(system, "firmware")
    for feature in ("secure-boot", "enrolled-keys"):
        ET.SubElement(firmware, "feature", enabled=secure, name=feature)
    add_text(system, "nvram", machine.nvram_file)
