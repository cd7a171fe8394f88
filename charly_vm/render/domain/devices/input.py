"""`<input>`."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.libvirt.devices.input import Input, InputSource
from charly_vm.render.domain.devices.driver import add_virtio_driver
from charly_vm.render.domain.element import add_given, attributes_given


def render_input(device: Input) -> ET.Element:
    element = ET.Element("input", attributes_given(type=device.type, bus=device.bus))
    add_virtio_driver(element, device.driver)
    if source := device.source:
        _add_source(element, device.type, source)
    return element


def _add_source(element: ET.Element, kind: str, source: InputSource) -> None:
    """libvirt has two names for the same file."""
    add_given(
        element,
        "source",
        **{"evdev" if kind == "passthrough" else "dev": source.dev},
        grab=source.grab,
        grabToggle=source.grab_toggle,
        repeat=source.repeat,
    )
