"""`<rng>`."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.libvirt.devices.rng import Rng
from charly_vm.render.domain.devices.driver import add_virtio_driver
from charly_vm.render.domain.devices.host_end import add_source
from charly_vm.render.domain.element import add_given


def render_rng(rng: Rng) -> ET.Element:
    element = ET.Element("rng", model=rng.model)
    if rng.rate:
        add_given(element, "rate", bytes=rng.rate.bytes, period=rng.rate.period)
    backend = ET.SubElement(element, "backend", model=rng.backend.model)
    source = rng.backend.source
    if rng.backend.type:
        backend.set("type", rng.backend.type)
        add_source(backend, rng.backend.type, source)
    elif source:
        backend.text = source.path
    add_virtio_driver(element, rng.driver)
    return element
