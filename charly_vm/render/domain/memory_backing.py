"""`<memoryBacking>`."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.domain.element import add_given, none_if_empty


def render_memory_backing(machine: ResolvedMachine) -> ET.Element | None:
    chosen = machine.libvirt.memory_backing
    if chosen is None:
        return None
    backing = ET.Element("memoryBacking")
    if chosen.hugepages is not None:
        pages = ET.SubElement(backing, "hugepages")
        for page in chosen.hugepages:
            add_given(pages, "page", size=page.size, unit="b", nodeset=page.nodeset)
    for name, there in (("nosharepages", chosen.nosharepages), ("locked", chosen.locked)):
        if there:
            ET.SubElement(backing, name)
    add_given(backing, "source", type=chosen.source)
    add_given(backing, "access", mode=chosen.access)
    add_given(backing, "allocation", mode=chosen.allocation)
    if chosen.discard:
        ET.SubElement(backing, "discard")
    return none_if_empty(backing)
