"""A machine as a libvirt domain, for the libvirt backend. The source: libvirt's formatdomain page.

libvirt drops what it does not know without a word, so what is rendered here is checked against its
schema, both by the tests and when the domain is defined.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator

from charly_vm.model.libvirt.snippets import QEMU_NAMESPACE
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.domain.clock import render_clock
from charly_vm.render.domain.command_line import render_command_line
from charly_vm.render.domain.cpu import render_cpu
from charly_vm.render.domain.cputune import render_cputune
from charly_vm.render.domain.devices import render_devices
from charly_vm.render.domain.element import add_text
from charly_vm.render.domain.features import render_features
from charly_vm.render.domain.iothreads import render_iothreads
from charly_vm.render.domain.launch_security import render_launch_security
from charly_vm.render.domain.memory_backing import render_memory_backing
from charly_vm.render.domain.memtune import render_memtune
from charly_vm.render.domain.metadata import CHARLY_NAMESPACE, render_metadata
from charly_vm.render.domain.numatune import render_numatune
from charly_vm.render.domain.resource import render_resource
from charly_vm.render.domain.seclabel import render_seclabels
from charly_vm.render.domain.snippets import add_snippets
from charly_vm.render.domain.sysinfo import render_sysinfo
from charly_vm.render.domain.system import render_os

__all__ = ["CHARLY_NAMESPACE", "DOMAIN_TYPES", "QEMU_NAMESPACE", "render_domain_xml"]

DOMAIN_TYPES = {"kvm": "kvm", "tcg": "qemu"}


def render_domain_xml(machine: ResolvedMachine) -> str:
    """The domain's definition, indented, without an XML declaration."""
    domain = ET.Element("domain", type=DOMAIN_TYPES[machine.accelerator])
    add_text(domain, "name", machine.domain)
    add_text(domain, "uuid", machine.uuid)
    domain.append(render_metadata(machine))
    add_text(domain, "memory", str(machine.ram), unit="b")
    add_text(domain, "vcpu", str(machine.cpus))
    domain.extend(_elements(machine))
    add_snippets(domain, machine)
    ET.indent(domain)
    return ET.tostring(domain, encoding="unicode") + "\n"


def _elements(machine: ResolvedMachine) -> list[ET.Element]:
    """The elements of the block that this machine has, in libvirt's own order."""
    elements = [
        render_memory_backing(machine),
        render_memtune(machine),
        render_iothreads(machine),
        render_cputune(machine),
        render_numatune(machine),
        render_resource(machine),
        render_sysinfo(machine),
        render_os(machine),
        render_features(machine),
        render_cpu(machine),
        render_clock(machine),
        *_events(),
        render_devices(machine),
        *render_seclabels(machine),
        render_launch_security(machine),
        render_command_line(machine),
    ]
    return [one for one in elements if one is not None]


def _events() -> Iterator[ET.Element]:
    """A guest that powers off is gone, one that reboots comes back, one that crashes stays down."""
    for name, action in (
        ("on_poweroff", "destroy"),
        ("on_reboot", "restart"),
        ("on_crash", "destroy"),
    ):
        event = ET.Element(name)
        event.text = action
        yield event
