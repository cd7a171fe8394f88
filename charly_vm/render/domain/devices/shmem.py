"""`<shmem>`."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.libvirt.devices.shmem import MEBIBYTE, Shmem
from charly_vm.render.domain.element import add_text, attributes_given


def render_shmem(shmem: Shmem) -> ET.Element:
    element = ET.Element("shmem", attributes_given(name=shmem.name, role=shmem.role))
    ET.SubElement(element, "model", type=shmem.model)
    if shmem.size:
        add_text(element, "size", str(shmem.size // MEBIBYTE), unit="M")
    if shmem.server:
        ET.SubElement(element, "server", attributes_given(path=shmem.server.path))
    if shmem.msi:
        ET.SubElement(
            element,
            "msi",
            attributes_given(vectors=shmem.msi.vectors, ioeventfd=shmem.msi.ioeventfd),
        )
    return element
