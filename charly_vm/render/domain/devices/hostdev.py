"""`<hostdev>`."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.libvirt.devices.hostdev import (
    Hostdev,
    MediatedHostdev,
    PciHostdev,
    ScsiHostdev,
    ScsiSource,
    UsbHostdev,
)
from charly_vm.render.domain.devices.address import pci_address
from charly_vm.render.domain.devices.interface import add_rom
from charly_vm.render.domain.element import add_given, attributes_given


def render_hostdev(hostdev: Hostdev) -> ET.Element:
    element = ET.Element(
        "hostdev",
        attributes_given(mode=hostdev.mode, type=hostdev.type, managed=hostdev.managed),
    )
    match hostdev:
        case PciHostdev():
            _fill_pci(element, hostdev)
        case UsbHostdev():
            _fill_usb(element, hostdev)
        case ScsiHostdev():
            _fill_scsi(element, hostdev)
        case MediatedHostdev():
            _fill_mediated(element, hostdev)
    if not isinstance(hostdev, MediatedHostdev):
        add_given(element, "boot", order=hostdev.boot)
    return element


def _fill_pci(element: ET.Element, hostdev: PciHostdev) -> None:
    element.attrib.update(attributes_given(display=hostdev.display, ramfb=hostdev.ramfb))
    if hostdev.driver:
        add_given(element, "driver", name=hostdev.driver.name, model=hostdev.driver.model)
    source = hostdev.source
    inner = ET.SubElement(element, "source")
    ET.SubElement(
        inner, "address", pci_address(source.domain, source.bus, source.slot, source.function)
    )
    add_rom(element, hostdev.rom)


def _fill_usb(element: ET.Element, hostdev: UsbHostdev) -> None:
    source = hostdev.source
    inner = ET.SubElement(
        element,
        "source",
        attributes_given(startupPolicy=source.startup_policy, guestReset=source.guest_reset),
    )
    if source.vendor is not None and source.product is not None:
        ET.SubElement(inner, "vendor", id=f"0x{source.vendor:04x}")
        ET.SubElement(inner, "product", id=f"0x{source.product:04x}")
    add_given(inner, "address", bus=source.bus, device=source.device)


def _fill_scsi(element: ET.Element, hostdev: ScsiHostdev) -> None:
    element.attrib.update(attributes_given(rawio=hostdev.rawio))
    element.append(_render_scsi_source(hostdev.source))
    for name in ("readonly", "shareable"):
        if getattr(hostdev, name):
            ET.SubElement(element, name)


def _render_scsi_source(source: ScsiSource) -> ET.Element:
    if source.adapter is None:
        element = ET.Element("source", attributes_given(protocol="iscsi", name=source.name))
        if source.host:
            add_given(element, "host", name=source.host.name, port=source.host.port)
        if source.initiator:
            initiator = ET.SubElement(element, "initiator")
            ET.SubElement(initiator, "iqn", name=source.initiator)
        return element
    element = ET.Element("source")
    ET.SubElement(element, "adapter", name=source.adapter)
    add_given(
        element,
        "address",
        bus=source.bus,
        target=source.target,
        unit=source.unit,
    )
    return element


def _fill_mediated(element: ET.Element, hostdev: MediatedHostdev) -> None:
    element.attrib.update(
        attributes_given(model=hostdev.model, display=hostdev.display, ramfb=hostdev.ramfb)
    )
    source = ET.SubElement(element, "source")
    ET.SubElement(source, "address", uuid=hostdev.source.uuid)
