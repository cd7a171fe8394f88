"""The domain-level elements: golden files, and that libvirt keeps every word of them."""

from __future__ import annotations

import functools
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from defined import define, find_dropped, libvirt, libvirt_version
from domain_machines import DOMAIN_MACHINES, SINCE
from libvirt_schema import find_refusals
from sample_machine import sample_machine

from charly_vm.render.domain_xml import render_domain_xml

Golden = Callable[[str, str], Path]

NAMES = list(DOMAIN_MACHINES)


@pytest.mark.parametrize("name", NAMES)
def test_each_element_renders_as_its_golden_domain(name: str, golden: Golden) -> None:
    golden(f"domain/{name}.xml", _shown(name))


@pytest.mark.parametrize("name", NAMES)
def test_libvirts_schema_accepts_the_golden_domain(name: str) -> None:
    refusal = _refusals().get(name, "")
    if _is_newer_than_this_libvirt(name):
        assert re.search(SINCE[name][1], refusal)
    else:
        assert refusal == ""


@pytest.mark.parametrize("name", NAMES)
def test_libvirt_keeps_every_word_of_the_domain(name: str) -> None:
    xml = render_domain_xml(DOMAIN_MACHINES[name])
    if _is_newer_than_this_libvirt(name):
        with pytest.raises(libvirt.libvirtError, match=SINCE[name][1]):
            define(xml)
    else:
        assert find_dropped(ET.fromstring(xml), define(xml)) == []


def test_a_word_that_libvirt_drops_is_found() -> None:
    said = ET.fromstring("<domain><cpu mode='custom' check='full'><model>a</model></cpu></domain>")
    kept = ET.fromstring("<domain><cpu mode='custom'><model>b</model><new/></cpu></domain>")
    assert find_dropped(said, kept) == ["/domain/cpu/@check", "/domain/cpu/model/text()"]


@functools.cache
def _refusals() -> Mapping[str, str]:
    return find_refusals({name: _shown(name) for name in DOMAIN_MACHINES})


def _is_newer_than_this_libvirt(name: str) -> bool:
    return name in SINCE and libvirt_version() < SINCE[name][0]


def _shown(name: str) -> str:
    """The domain without its devices, which have golden files of their own."""
    domain = ET.fromstring(render_domain_xml(DOMAIN_MACHINES[name]))
    devices = domain.find("devices")
    if devices is not None and name != "snippets":
        domain.remove(devices)
    ET.indent(domain)
    return ET.tostring(domain, encoding="unicode") + "\n"


def test_charlys_own_smbios_strings_come_before_the_authors() -> None:
    machine = sample_machine(libvirt={"sysinfo": {"oem_strings": ["b"]}}, oem_strings=("a",))
    domain = ET.fromstring(render_domain_xml(machine))
    assert [one.text for one in domain.findall("sysinfo/oemStrings/entry")] == ["a", "b"]
    assert domain.find("os/smbios[@mode='sysinfo']") is not None


def test_a_machine_without_smbios_strings_says_nothing_of_smbios() -> None:
    domain = ET.fromstring(render_domain_xml(sample_machine()))
    assert domain.find("sysinfo") is None
    assert domain.find("os/smbios") is None


@pytest.mark.parametrize(
    ("kind", "policy", "written"),
    [("sev", None, 0x3), ("sev-es", None, 0x7), ("sev-es", 0x1, 0x5), ("sev-snp", None, 0x30000)],
)
def test_sev_has_the_policy_that_its_kind_needs(
    kind: str, policy: int | None, written: int
) -> None:
    security = {"type": kind, "policy": policy} if policy else {"type": kind}
    domain = ET.fromstring(render_domain_xml(sample_machine(libvirt={"launch_security": security})))
    assert int(domain.findtext("launchSecurity/policy") or "", 16) == written


def test_a_firmware_that_needs_it_has_system_management_mode() -> None:
    secure = DOMAIN_MACHINES["firmware-secure"]
    assert secure.libvirt.features.smm is None
    domain = ET.fromstring(render_domain_xml(secure))
    assert domain.find("features/smm[@state='on']") is not None
    assert domain.find("os/loader[@secure='yes']") is not None
