"""`<interface>`: the machine's own card, and the author's."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.libvirt.devices.interface import Interface, InterfaceSource
from charly_vm.model.libvirt.devices.values import Rom
from charly_vm.model.resolved import Carrier, ResolvedMachine
from charly_vm.render.domain.devices.address import pci_address
from charly_vm.render.domain.devices.driver import virtio_attributes
from charly_vm.render.domain.element import add_given, attributes_given

TYPES = {
    Carrier.PASST: "user",
    Carrier.BRIDGE: "bridge",
    Carrier.LIBVIRT_NETWORK: "network",
}
"""What libvirt calls a carrier."""


def render_own_interface(machine: ResolvedMachine) -> ET.Element:
    """The card that `network:` describes, on any carrier but SLIRP, which libvirt's XML cannot
    forward ports of.

    Without the boot ROM: not every host's packages have it, and nothing boots from the network.
    """
    network = machine.network
    interface = ET.Element("interface", type=TYPES[network.carrier])
    ET.SubElement(interface, "mac", address=network.mac)
    if network.source:
        ET.SubElement(interface, "source", {TYPES[network.carrier]: network.source})
    ET.SubElement(interface, "model", type=network.model)
    if network.carrier is Carrier.PASST:
        ET.SubElement(interface, "backend", type="passt")
    for one in machine.forwards:
        forward = ET.SubElement(interface, "portForward", proto=one.protocol, address="127.0.0.1")
        # The host's port is `start` and the guest's is `to`.
        ET.SubElement(forward, "range", start=str(one.host), to=str(one.guest))
    ET.SubElement(interface, "rom", enabled="no")
    return interface


def render_interface(interface: Interface) -> ET.Element:
    """A card of the author's. One with `port_forwards` is passt's: under no other backend does
    libvirt's `<portForward>` do anything."""
    element = ET.Element(
        "interface",
        attributes_given(
            type=interface.type,
            managed=interface.managed,
            trustGuestRxFilters=interface.trust_guest_rx_filters,
        ),
    )
    add_given(element, "mac", address=interface.mac)
    if interface.source:
        element.append(_render_source(interface.type, interface.source))
    _add_virtual_port(element, interface)
    if interface.type != "hostdev":
        ET.SubElement(element, "model", type=interface.model)
    if interface.port_forwards:
        ET.SubElement(element, "backend", type="passt")
    _add_driver(element, interface)
    _add_port_forwards(element, interface)
    add_given(element, "mtu", size=interface.mtu and interface.mtu.size)
    add_given(element, "link", state=interface.link and interface.link.state)
    if interface.target:
        add_given(element, "target", dev=interface.target.dev, managed=interface.target.managed)
    add_given(element, "boot", order=interface.boot)
    add_rom(element, interface.rom)
    return element


def add_rom(element: ET.Element, rom: Rom | None) -> None:
    if rom:
        add_given(element, "rom", enabled=rom.enabled, bar=rom.bar, file=rom.file)


def _render_source(kind: str, source: InterfaceSource) -> ET.Element:
    element = ET.Element(
        "source",
        attributes_given(
            type="unix" if kind == "vhostuser" else None,
            network=source.network,
            portgroup=source.portgroup,
            bridge=source.bridge,
            dev=source.dev,
            mode=source.mode,
            path=source.path,
            address=source.address,
            port=source.port,
        ),
    )
    if source.local:
        add_given(element, "local", address=source.local.address, port=source.local.port)
    if source.bus is not None and source.slot is not None:
        address = pci_address(source.domain or 0, source.bus, source.slot, source.function or 0)
        ET.SubElement(element, "address", {"type": "pci", **address})
    return element


def _add_virtual_port(element: ET.Element, interface: Interface) -> None:
    if port := interface.virtualport:
        virtualport = ET.SubElement(element, "virtualport", type=port.type)
        add_given(virtualport, "parameters", profileid=port.profileid, interfaceid=port.interfaceid)


def _add_driver(element: ET.Element, interface: Interface) -> None:
    if driver := interface.driver:
        add_given(
            element,
            "driver",
            name=driver.name,
            queues=driver.queues,
            rx_queue_size=driver.rx_queue_size,
            tx_queue_size=driver.tx_queue_size,
            txmode=driver.txmode,
            ioeventfd=driver.ioeventfd,
            event_idx=driver.event_idx,
            rss=driver.rss,
            rss_hash_report=driver.rss_hash_report,
            **virtio_attributes(driver),
        )


def _add_port_forwards(element: ET.Element, interface: Interface) -> None:
    for one in interface.port_forwards:
        forward = ET.SubElement(element, "portForward", proto=one.proto, address=one.address)
        add_given(forward, "range", start=one.start, end=one.end, to=one.to)
