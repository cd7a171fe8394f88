"""`<metadata>`: what people and tools that meet the domain in virsh should know about it."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.domain.element import add_text

CHARLY_NAMESPACE = "urn:charly-vm:domain:1"

ET.register_namespace("charly", CHARLY_NAMESPACE)


def render_metadata(machine: ResolvedMachine) -> ET.Element:
    """libvirt wants one element per namespace, so that all of ours is inside of one."""
    metadata = ET.Element("metadata")
    ours = ET.SubElement(metadata, _ours("machine"))
    add_text(ours, _ours("disposable"), "true" if machine.disposable else "false")
    if machine.lifecycle:
        add_text(ours, _ours("lifecycle"), machine.lifecycle)
    return metadata


def _ours(name: str) -> str:
    return f"{{{CHARLY_NAMESPACE}}}{name}"
