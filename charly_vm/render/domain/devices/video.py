"""`<video>`."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.libvirt.devices.video import Video
from charly_vm.render.domain.devices.driver import virtio_attributes
from charly_vm.render.domain.element import add_given, attributes_given


def render_video(video: Video) -> ET.Element:
    element = ET.Element("video")
    if driver := video.driver:
        add_given(
            element,
            "driver",
            name=driver.name,
            vgaconf=driver.vgaconf,
            **virtio_attributes(driver),
        )
    model = ET.SubElement(
        element,
        "model",
        attributes_given(
            type=video.model,
            ram=video.ram,
            vram=video.vram,
            vram64=video.vram64,
            vgamem=video.vgamem,
            heads=video.heads,
            primary=video.primary,
            blob=video.blob,
        ),
    )
    add_given(model, "acceleration", accel3d=video.accel3d, rendernode=video.rendernode)
    if video.resolution:
        add_given(model, "resolution", x=video.resolution.x, y=video.resolution.y)
    return element
