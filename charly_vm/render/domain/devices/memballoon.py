"""`<memballoon>`."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.libvirt.devices.memballoon import Memballoon
from charly_vm.render.domain.devices.driver import add_virtio_driver
from charly_vm.render.domain.element import add_given, attributes_given


def render_memballoon(memballoon: Memballoon) -> ET.Element:
    element = ET.Element(
        "memballoon",
        attributes_given(
            model=memballoon.model,
            autodeflate=memballoon.autodeflate,
            freePageReporting=memballoon.free_page_reporting,
        ),
    )
    add_given(element, "stats", period=memballoon.stats and memballoon.stats.period)
    add_virtio_driver(element, memballoon.driver)
    return element
