"""The devices: golden files of what each block adds, all of which libvirt keeps as it is."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest
from defined import define, find_dropped, libvirt, libvirt_version
from device_machines import DEVICE_MACHINES, SINCE

from charly_vm.errors import LaunchError
from charly_vm.host.process import require_tool, run
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
def test_libvirts_schema_accepts_the_devices(name: str, tmp_path: Path) -> None:
    file = tmp_path / "domain.xml"
    file.write_text(render_domain_xml(DEVICE_MACHINES[name]))
    validate = (require_tool("virt-xml-validate", package="libvirt-clients"), file, "domain")
    if _is_too_new(name) and name not in REFUSED_BY_THE_PARSER:
        with pytest.raises(LaunchError, match="fails to validate"):
            run(validate, timeout=20)
        return
    run(validate, timeout=20)


@pytest.mark.parametrize("name", DEVICE_MACHINES)
def test_libvirt_keeps_every_word_of_the_devices(name: str) -> None:
    xml = render_domain_xml(DEVICE_MACHINES[name])
    if _is_too_new(name):
        with pytest.raises(libvirt.libvirtError, match=SINCE[name][1]):
            define(xml)
        return
    assert set(find_dropped(ET.fromstring(xml), define(xml))) == LOST.get(name, set())


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
