"""`<seclabel>`, one per security module."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.libvirt.seclabel import SecLabel
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.domain.element import add_text, attributes_given


def render_seclabels(machine: ResolvedMachine) -> list[ET.Element]:
    return [render_seclabel(one) for one in machine.libvirt.seclabel]


def render_seclabel(chosen: SecLabel) -> ET.Element:
    seclabel = ET.Element(
        "seclabel",
        attributes_given(type=chosen.type, model=chosen.model, relabel=chosen.relabel),
    )
    for name, label in (("label", chosen.label), ("baselabel", chosen.baselabel)):
        if label is not None:
            add_text(seclabel, name, label)
    return seclabel
