"""`<redirdev>`."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.libvirt.devices.redirdev import Redirdev
from charly_vm.render.domain.devices.host_end import render_character
from charly_vm.render.domain.element import add_given


def render_redirdev(redirdev: Redirdev) -> ET.Element:
    element = render_character("redirdev", redirdev)
    element.set("bus", redirdev.bus)
    add_given(element, "boot", order=redirdev.boot)
    return element
