"""`<controller>`: what has to be said of buses; the others libvirt adds as devices need them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator

from charly_vm.model.libvirt.devices import Devices
from charly_vm.render.domain.element import attributes_given


def render_controllers(devices: Devices) -> Iterator[ET.Element]:
    if usb := devices.usb:
        yield ET.Element(
            "controller", attributes_given(type="usb", model=usb.model, ports=usb.ports)
        )
    if _uses_scsi(devices):
        # libvirt's own choice on x86 is an adapter of the nineties.
        yield ET.Element("controller", type="scsi", model="virtio-scsi")


def _uses_scsi(devices: Devices) -> bool:
    return any(one.target and one.target.bus == "scsi" for one in devices.disks) or any(
        one.type == "scsi" for one in devices.hostdevs
    )
