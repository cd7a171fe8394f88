"""`<memtune>`."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.domain.element import add_text, none_if_empty


def render_memtune(machine: ResolvedMachine) -> ET.Element | None:
    chosen = machine.libvirt.memtune
    if chosen is None:
        return None
    memtune = ET.Element("memtune")
    for name, limit in (
        ("hard_limit", chosen.hard_limit),
        ("soft_limit", chosen.soft_limit),
        ("swap_hard_limit", chosen.swap_hard_limit),
    ):
        if limit is not None:
            add_text(memtune, name, str(limit), unit="b")
    return none_if_empty(memtune)
