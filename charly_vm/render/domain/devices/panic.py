"""`<panic>`."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.libvirt.devices.panic import Panic
from charly_vm.render.domain.element import attributes_given


def render_panic(panic: Panic) -> ET.Element:
    return ET.Element("panic", attributes_given(model=panic.model))
