"""Domain XML: golden files, each of which libvirt's schema and parser accept."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from defined import define, libvirt
from libvirt_schema import find_refusals
from machines import MACHINES, PASST, PLAIN

from charly_vm.host.process import require_tool, run
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.domain_xml import CHARLY_NAMESPACE, render_domain_xml

Golden = Callable[[str, str], Path]
DOMAINS = {**MACHINES, "passt": PASST}


@pytest.mark.parametrize("name", DOMAINS)
def test_each_kind_of_machine_renders_as_its_golden_domain(name: str, golden: Golden) -> None:
    golden(f"{name}.xml", render_domain_xml(DOMAINS[name]))


def test_libvirts_schema_accepts_the_domains() -> None:
    assert find_refusals({name: render_domain_xml(one) for name, one in DOMAINS.items()}) == {}


def test_virt_xml_validate_refuses_what_we_say_the_schema_refuses(tmp_path: Path) -> None:
    broken = render_domain_xml(PLAIN).replace("<on_crash>", "<on_smash/>\n  <on_crash>")
    assert "on_smash" in find_refusals({"broken": broken})["broken"]
    file = tmp_path / "domain.xml"
    file.write_text(broken)
    validate = require_tool("virt-xml-validate", package="libvirt-clients")
    assert run([validate, file, "domain"], timeout=20, check=False).status != 0
    file.write_text(render_domain_xml(PLAIN))
    run([validate, file, "domain"], timeout=20)


@pytest.mark.parametrize("name", DOMAINS)
def test_libvirt_defines_the_domain_and_keeps_what_it_says(name: str) -> None:
    machine = DOMAINS[name]
    if machine is PASST and not _knows_passt():
        with pytest.raises(libvirt.libvirtError, match="passt"):
            define(render_domain_xml(machine))
        return
    described = define(render_domain_xml(machine))
    assert described.findtext("uuid") == machine.uuid
    assert described.findtext("memory") == str(machine.ram // 1024)
    assert described.find("devices/disk/driver[@discard='unmap']") is not None
    assert described.find("devices/serial/log[@append='on']") is not None
    sources = [one.get("file") for one in described.findall("devices/disk/source")]
    assert sources == [str(machine.paths.overlay), str(machine.paths.seed)]
    disposable = described.findtext(f".//{{{CHARLY_NAMESPACE}}}disposable")
    assert disposable == ("true" if machine.disposable else "false")


def test_the_parser_that_judges_the_goldens_refuses_an_unknown_element() -> None:
    broken = render_domain_xml(PLAIN).replace("<on_crash>", "<on_smash/>\n  <on_crash>")
    with pytest.raises(libvirt.libvirtError, match="on_smash"):
        define(broken)


def test_the_port_of_the_host_is_the_start_of_the_range_and_the_guests_its_end() -> None:
    forward = ET.fromstring(render_domain_xml(PASST)).find(".//portForward")
    assert forward is not None
    assert forward.attrib == {"proto": "tcp", "address": "127.0.0.1"}
    assert [one.attrib for one in forward] == [{"start": "2222", "to": "22"}]


@pytest.mark.parametrize("machine", [PLAIN, PASST], ids=["slirp", "passt"])
def test_a_domain_has_exactly_one_network_card(machine: ResolvedMachine) -> None:
    domain = ET.fromstring(render_domain_xml(replace(machine, ssh_port=2022)))
    by_libvirt = domain.findall("devices/interface")
    by_hand = [
        one for one in domain.iter() if str(one.get("value", "")).startswith("virtio-net-pci")
    ]
    assert len(by_libvirt) + len(by_hand) == 1


def _knows_passt() -> bool:
    """Debian 12's libvirt has passt in its schema and refuses it all the same."""
    try:
        define(
            "<domain type='test'><name>x</name><memory>1024</memory><os><type>hvm</type></os>"
            "<devices><interface type='user'><backend type='passt'/></interface></devices></domain>"
        )
    except libvirt.libvirtError:
        return False
    return True
