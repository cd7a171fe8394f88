"""`<sound>`."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.libvirt.devices.sound import Sound
from charly_vm.render.domain.devices.driver import add_virtio_driver
from charly_vm.render.domain.element import add_given, attributes_given


def render_sound(sound: Sound) -> ET.Element:
    element = ET.Element(
        "sound",
        attributes_given(model=sound.model, multichannel=sound.multichannel, streams=sound.streams),
    )
    for codec in sound.codec:
        ET.SubElement(element, "codec", type=codec)
    add_given(element, "audio", id=sound.audio)
    add_virtio_driver(element, sound.driver)
    return element
