"""`<hub>`."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.libvirt.devices.hub import Hub


def render_hub(hub: Hub) -> ET.Element:
    return ET.Element("hub", type=hub.type)
