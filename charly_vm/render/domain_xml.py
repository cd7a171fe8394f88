"""A machine as a libvirt domain, for the libvirt backend. The source: libvirt's formatdomain page.

libvirt drops what it does not know without a word, so what is rendered here is checked against its
schema, both by the tests and when the domain is defined.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.resolved import Carrier, ResolvedMachine
from charly_vm.render import domain_devices
from charly_vm.render.qemu_argv import render_network_card, render_user_network

CHARLY_NAMESPACE = "urn:charly-vm:domain:1"
QEMU_NAMESPACE = "http://libvirt.org/schemas/domain/qemu/1.0"

ET.register_namespace("charly", CHARLY_NAMESPACE)
ET.register_namespace("qemu", QEMU_NAMESPACE)

DOMAIN_TYPES = {"kvm": "kvm", "tcg": "qemu"}


def render_domain_xml(machine: ResolvedMachine) -> str:
    """The domain's definition, indented, without an XML declaration."""
    domain = ET.Element("domain", type=DOMAIN_TYPES[machine.accelerator])
    _text(domain, "name", machine.domain)
    _text(domain, "uuid", machine.uuid)
    domain.append(_metadata(machine))
    _text(domain, "memory", str(machine.ram), unit="b")
    _text(domain, "vcpu", str(machine.cpus))
    domain.append(_os(machine))
    features = ET.SubElement(domain, "features")
    # Without ACPI there is no power button to press.
    ET.SubElement(features, "acpi")
    ET.SubElement(features, "apic")
    domain.append(_cpu(machine))
    ET.SubElement(domain, "clock", offset="utc")
    _text(domain, "on_poweroff", "destroy")
    _text(domain, "on_reboot", "restart")
    _text(domain, "on_crash", "destroy")
    domain.append(_devices(machine))
    if machine.network.carrier is Carrier.SLIRP:
        domain.append(_user_network_by_hand(machine))
    ET.indent(domain)
    return ET.tostring(domain, encoding="unicode") + "\n"


def _metadata(machine: ResolvedMachine) -> ET.Element:
    """What people and tools that meet the domain in virsh should know about it."""
    metadata = ET.Element("metadata")
    ours = ET.SubElement(metadata, f"{{{CHARLY_NAMESPACE}}}machine")
    disposable = ET.SubElement(ours, f"{{{CHARLY_NAMESPACE}}}disposable")
    disposable.text = "true" if machine.disposable else "false"
    return metadata


def _os(machine: ResolvedMachine) -> ET.Element:
    system = ET.Element("os")
    _text(system, "type", "hvm", arch=machine.architecture, machine=machine.machine)
    return system


def _cpu(machine: ResolvedMachine) -> ET.Element:
    chosen = machine.libvirt.cpu
    if chosen.mode != "custom":
        return ET.Element("cpu", mode=chosen.mode or "")
    cpu = ET.Element("cpu", mode="custom", match="exact", check="none")
    _text(cpu, "model", chosen.model or "", fallback="forbid")
    return cpu


def _devices(machine: ResolvedMachine) -> ET.Element:
    devices = ET.Element("devices")
    _text(devices, "emulator", machine.emulator)
    devices.append(domain_devices.render_disk(machine))
    devices.append(domain_devices.render_seed(machine))
    if machine.network.carrier is Carrier.PASST:
        devices.append(domain_devices.render_interface(machine))
    devices.append(domain_devices.render_serial(machine))
    devices.append(domain_devices.render_guest_agent())
    devices.append(domain_devices.render_video())
    devices.append(domain_devices.render_rng())
    devices.extend(domain_devices.render_absent())
    return devices


def _user_network_by_hand(machine: ResolvedMachine) -> ET.Element:
    """QEMU's own user network, which libvirt's XML can ask for but not forward a port of."""
    commandline = ET.Element(f"{{{QEMU_NAMESPACE}}}commandline")
    card = render_network_card("charly-net", machine.network)
    for word in (
        *("-netdev", render_user_network("charly-net", machine)),
        # QEMU places what it is told here before libvirt's devices, which have addresses from
        # 1 upwards: without an address of its own the card would take one of theirs.
        *("-device", f"{card},bus=pcie.0,addr=0x10"),
    ):
        ET.SubElement(commandline, f"{{{QEMU_NAMESPACE}}}arg", value=word)
    return commandline


def _text(parent: ET.Element, tag: str, text: str, **attributes: str) -> None:
    ET.SubElement(parent, tag, attributes).text = text
