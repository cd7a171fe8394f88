"""`<console>`."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.libvirt.devices.console import Console
from charly_vm.render.domain.devices.host_end import render_character
from charly_vm.render.domain.element import add_given


def render_console(console: Console) -> ET.Element:
    element = render_character("console", console)
    add_given(element, "target", type=console.target.type)
    return element
