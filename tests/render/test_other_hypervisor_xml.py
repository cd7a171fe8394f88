"""A domain on another hypervisor: nothing of it is on this host."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from defined import define
from libvirt_schema import find_refusals
from machines import PLAIN

from charly_vm.model.resolved import Hypervisor, ResolvedFirmware
from charly_vm.render.domain_xml import render_domain_xml

THERE = Hypervisor(
    "qemu+ssh://me@lab/system", hop="ssh://me@lab", pool="default", directory="/srv/images"
)
BIOS = replace(PLAIN, hypervisor=THERE)
MACHINES = {
    "other-hypervisor": BIOS,
    "other-hypervisor-uefi": replace(BIOS, firmware=ResolvedFirmware("uefi-insecure")),
    "other-hypervisor-secure": replace(BIOS, firmware=ResolvedFirmware("uefi-secure")),
}


@pytest.mark.parametrize("name", MACHINES)
def test_it_renders_as_its_golden_domain(name: str, golden: Callable[[str, str], Path]) -> None:
    golden(f"{name}.xml", render_domain_xml(MACHINES[name]))


@pytest.mark.parametrize("name", MACHINES)
def test_libvirts_schema_and_parser_accept_it(name: str) -> None:
    text = render_domain_xml(MACHINES[name])
    assert find_refusals({name: text}) == {}
    described = define(text)
    sources = [one.get("file") for one in described.findall("devices/disk/source")]
    assert sources == [MACHINES[name].disk_file, MACHINES[name].seed_file]


@pytest.mark.parametrize("name", MACHINES)
def test_no_path_of_this_host_is_in_it(name: str) -> None:
    machine = MACHINES[name]
    text = render_domain_xml(machine)
    assert str(machine.paths.directory) not in text
    assert str(machine.paths.runtime) not in text
    assert ET.fromstring(text).find("devices/serial[@type='pty']") is not None
