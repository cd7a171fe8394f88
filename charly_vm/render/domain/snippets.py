"""Raw XML of authors and candies, put into a domain that is otherwise complete."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.libvirt.snippets import sort_snippets
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.domain.command_line import COMMAND_LINE

MERGED = ("features", "metadata", COMMAND_LINE)
"""What a domain has once: a snippet's children join those that are there."""

REPLACED = ("emulator", "memballoon", "iommu", "vsock")
"""Devices of which a domain has one at most: a snippet's takes the place of ours."""


def add_snippets(domain: ET.Element, machine: ResolvedMachine) -> None:
    block = machine.libvirt
    found = sort_snippets([*block.snippets, *block.xml_passthrough])
    for element in found.devices:
        _add_device(_require_child(domain, "devices"), element)
    for element in found.domain:
        if element.tag in MERGED:
            _require_child(domain, element.tag).extend(element)
        else:
            domain.append(element)


def _require_child(domain: ET.Element, tag: str) -> ET.Element:
    there = domain.find(tag)
    return ET.SubElement(domain, tag) if there is None else there


def _add_device(devices: ET.Element, element: ET.Element) -> None:
    name = _channel_name(element)
    if name and name in map(_channel_name, devices):
        # QEMU refuses a second port of one name; a candy brings the guest agent's, as ours has it.
        return
    for ours in list(devices):
        if _gives_way(ours, element):
            devices.remove(ours)
    devices.append(element)


def _gives_way(ours: ET.Element, element: ET.Element) -> bool:
    """Whether a domain cannot have both. Ours of USB says that there is none."""
    if ours.tag == element.tag and element.tag in REPLACED:
        return True
    without_usb = _is_usb_controller(ours) and ours.get("model") == "none"
    return without_usb and _is_usb_controller(element)


def _channel_name(element: ET.Element) -> str | None:
    target = element.find("target") if element.tag == "channel" else None
    return None if target is None else target.get("name")


def _is_usb_controller(element: ET.Element) -> bool:
    return element.tag == "controller" and element.get("type") == "usb"
