"""`<sysinfo>`: the SMBIOS tables, with charly's own strings before the author's."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.base import Model
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.domain.element import add_text, none_if_empty
from charly_vm.render.qemu.option import option

PROCESSOR_OPTIONS = {
    "socket_destination": "sock_pfx",
    "manufacturer": "manufacturer",
    "version": "version",
    "serial": "serial",
    "asset": "asset",
    "part": "part",
    "max_speed": "max-speed",
    "current_speed": "current-speed",
}
"""QEMU's names."""


def render_sysinfo(machine: ResolvedMachine) -> ET.Element | None:
    chosen = machine.libvirt.sysinfo
    sysinfo = ET.Element("sysinfo")
    _add_table(sysinfo, "bios", chosen.bios)
    _add_table(sysinfo, "system", chosen.system)
    _add_table(sysinfo, "baseBoard", chosen.baseboard)
    _add_table(sysinfo, "chassis", chosen.chassis)
    if strings := (*machine.oem_strings, *chosen.oem_strings):
        oem = ET.SubElement(sysinfo, "oemStrings")
        for one in strings:
            add_text(oem, "entry", one)
    if none_if_empty(sysinfo) is None:
        return None
    sysinfo.set("type", chosen.type)
    return sysinfo


def render_processor_table(machine: ResolvedMachine) -> list[str]:
    """QEMU's options for table 4, which libvirt's `<sysinfo>` has not got."""
    chosen = machine.libvirt.sysinfo.processor
    if chosen is None:
        return []
    values = {theirs: getattr(chosen, ours) for ours, theirs in PROCESSOR_OPTIONS.items()}
    if all(value is None for value in values.values()):
        return []
    return ["-smbios", option("type=4", values)]


def _add_table(sysinfo: ET.Element, tag: str, chosen: Model | None) -> None:
    """One table; libvirt's names of the entries are the fields'."""
    entries = [(name, text) for name, text in (chosen or ()) if isinstance(text, str)]
    if not entries:
        return
    table = ET.SubElement(sysinfo, tag)
    for name, text in entries:
        add_text(table, "entry", text, name=name)
