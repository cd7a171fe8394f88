"""`<numatune>`."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.domain.element import add_given, none_if_empty


def render_numatune(machine: ResolvedMachine) -> ET.Element | None:
    chosen = machine.libvirt.numatune
    if chosen is None:
        return None
    numatune = ET.Element("numatune")
    if chosen.memory is not None:
        memory = chosen.memory
        add_given(
            numatune,
            "memory",
            mode=memory.mode,
            placement=memory.placement,
            nodeset=memory.nodeset,
        )
    for node in chosen.memnode:
        add_given(numatune, "memnode", cellid=node.cellid, mode=node.mode, nodeset=node.nodeset)
    return none_if_empty(numatune)
