"""The devices: golden files of what each block adds, all of which libvirt keeps as it is."""

from __future__ import annotations

import functools
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from defined import define, find_dropped, libvirt, libvirt_version
from device_machines import DEVICE_MACHINES, SINCE
from libvirt_schema import find_refusals

from charly_vm.render.domain_xml import render_domain_xml

Golden = Callable[[str, str], Path]

LOST: dict[str, set[str]] = {
    # TCP is what libvirt says by saying nothing.
    "disks-network": {"/domain/devices/disk/source/host/@transport"},
}
"""What libvirt does not keep, by the golden file, each with its reason."""

REFUSED_BY_THE_PARSER = ("interfaces-passt",)
"""What Debian 12's libvirt has in its schema and does not take all the same."""


@pytest.mark.parametrize("name", DEVICE_MACHINES)
def test_each_device_renders_as_its_golden_elements(name: str, golden: Golden) -> None:
    golden(f"devices/{name}.xml", _added(name))


@pytest.mark.parametrize("name", DEVICE_MACHINES)
def test_libvirts_schema_accepts_the_devices(name: str) -> None:
    refusal = _refusals().get(name, "")
    assert bool(refusal) == (_is_too_new(name) and name not in REFUSED_BY_THE_PARSER), refusal


@pytest.mark.parametrize("name", DEVICE_MACHINES)
def test_libvirt_keeps_every_word_of_the_devices(name: str) -> None:
    xml = render_domain_xml(DEVICE_MACHINES[name])
    if _is_too_new(name):
        with pytest.raises(libvirt.libvirtError, match=SINCE[name][1]):
            define(xml)
        return
    assert set(find_dropped(ET.fromstring(xml), define(xml))) == LOST.get(name, set())


@functools.cache
def _refusals() -> Mapping[str, str]:
    return find_refusals({name: render_domain_xml(one) for name, one in DEVICE_MACHINES.items()})


def _is_too_new(name: str) -> bool:
    return name in SINCE and libvirt_version() < SINCE[name][0]


def _added(name: str) -> str:
    """The devices and the command line of a machine without those that every machine has."""
    usual = [] if name == "none" else _parts("none")
    added = ET.Element("added")
    added.extend(ET.fromstring(one) for one in _parts(name) if one not in usual)
    ET.indent(added)
    return ET.tostring(added, encoding="unicode") + "\n"


def _parts(name: str) -> list[str]:
    domain = ET.fromstring(render_domain_xml(DEVICE_MACHINES[name]))
    command_line = domain.findall("{http://libvirt.org/schemas/domain/qemu/1.0}commandline")
    parts = [*domain.iterfind("devices/*"), *command_line]
    for part in parts:
        part.tail = None
    return [ET.tostring(part, encoding="unicode") for part in parts]
