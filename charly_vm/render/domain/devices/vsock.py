"""`<vsock>`."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.libvirt.devices.vsock import Vsock
from charly_vm.render.domain.devices.driver import add_virtio_driver
from charly_vm.render.domain.element import add_given


def render_vsock(vsock: Vsock) -> ET.Element:
    element = ET.Element("vsock", model=vsock.model)
    add_given(element, "cid", auto=vsock.cid.auto, address=vsock.cid.address)
    add_virtio_driver(element, vsock.driver)
    return element
