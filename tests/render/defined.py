"""A domain as libvirt's test driver describes it after defining it, and what got lost on the way.

The test driver runs nothing, and parses and checks as every other driver does.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from charly_vm.model.libvirt.numbers import UNITS, members
from charly_vm.render.domain.command_line import COMMAND_LINE

libvirt = pytest.importorskip("libvirt")

_HEX = re.compile(r"0x[0-9a-fA-F]+")
_SETS = ("cpus", "cpuset", "iothreads", "nodeset", "vcpus")


def libvirt_version() -> tuple[int, int, int]:
    number: int = libvirt.getVersion()
    return number // 1_000_000, number // 1_000 % 1_000, number % 1_000


def define(xml: str) -> ET.Element:
    """The domain as it is after defining it. Raises libvirtError where libvirt refuses it."""
    libvirt.registerErrorHandler(lambda *_: None, None)
    connection = libvirt.open("test:///default")
    try:
        domain = connection.defineXMLFlags(xml, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)
        described = ET.fromstring(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_SECURE))
        # All connections of a process to this driver share their domains.
        domain.undefine()
        return described
    finally:
        connection.close()


def find_dropped(said: ET.Element, described: ET.Element) -> list[str]:
    """Every element and attribute of `said` that `described` has not, as `/domain/cpu/@check`.

    libvirt may add to what it was told, and write a number in another unit or base and a set of
    numbers in another way. The command line is QEMU's own and none of the test driver's.
    """
    lost = _dropped(said, described, f"/{said.tag}")
    return [one for one in lost if one != f"/{said.tag}/{COMMAND_LINE}"]


def _dropped(said: ET.Element, described: ET.Element, path: str) -> list[str]:
    lost = [
        f"{path}/@{name}"
        for name, value in _attributes(said).items()
        if _attributes(described).get(name) != value
    ]
    if _text(said) != _text(described):
        lost.append(f"{path}/text()")
    left = list(described)
    for child in said:
        where = f"{path}/{child.tag}"
        alike = [one for one in left if one.tag == child.tag]
        if not alike:
            lost.append(where)
            continue
        losses = [(_dropped(child, one, where), one) for one in alike]
        fewest, taken = min(losses, key=lambda each: len(each[0]))
        left.remove(taken)
        lost += fewest
    return lost


def _attributes(element: ET.Element) -> dict[str, str]:
    """Without the unit of a number, which is counted in."""
    factor = UNITS.get(element.get("unit", ""))
    given = {name: _number(value) for name, value in element.attrib.items() if name != "unit"}
    for name in ("memory", "size"):
        if factor and name in given:
            given[name] = str(int(given[name]) * factor)
    for name in _SETS:
        if name in given:
            given[name] = str(sorted(members(given[name])))
    return given


def _text(element: ET.Element) -> str:
    text = (element.text or "").strip()
    factor = UNITS.get(element.get("unit", ""))
    return str(int(text) * factor) if factor and text.isdecimal() else _number(text)


def _number(text: str) -> str:
    return str(int(text, 16)) if _HEX.fullmatch(text) else text
