"""`<resource>`."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.domain.element import add_given, add_text, none_if_empty


def render_resource(machine: ResolvedMachine) -> ET.Element | None:
    chosen = machine.libvirt.resource
    if chosen is None:
        return None
    resource = ET.Element("resource")
    if chosen.partition is not None:
        add_text(resource, "partition", chosen.partition)
    if chosen.fibrechannel is not None:
        add_given(resource, "fibrechannel", appid=chosen.fibrechannel.appid)
    return none_if_empty(resource)
