"""What libvirt is told about snapshots, and what is kept of what it says."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

from sample_machine import sample_machine

from charly_vm.backend.libvirt_snapshots import render_with_layer
from charly_vm.render.domain_xml import render_domain_xml

LAYER = Path("snapshots/layer-1.qcow2")


def test_a_definition_with_another_image_is_the_same_otherwise() -> None:
    machine = sample_machine()
    changed = replace(machine, paths=replace(machine.paths, layer=LAYER))
    xml = render_with_layer(render_domain_xml(machine), changed.paths)
    assert ET.canonicalize(xml) == ET.canonicalize(render_domain_xml(changed))
    back = render_with_layer(xml, machine.paths)
    assert ET.canonicalize(back) == ET.canonicalize(render_domain_xml(machine))


def test_the_images_below_are_left_for_libvirt_to_find() -> None:
    machine = sample_machine()
    domain = ET.fromstring(render_domain_xml(machine))
    disk = domain.find("devices/disk")
    assert disk is not None
    # As libvirt writes it once it has switched to another image.
    chain = ET.SubElement(disk, "backingStore", type="file")
    ET.SubElement(chain, "source", file="/gone")
    paths = replace(machine.paths, layer=LAYER)
    xml = render_with_layer(ET.tostring(domain, encoding="unicode"), paths)
    assert "backingStore" not in xml
    assert str(machine.paths.directory / LAYER) in xml


def test_what_people_have_changed_and_other_disks_stay() -> None:
    machine = sample_machine()
    domain = ET.fromstring(render_domain_xml(machine))
    devices = domain.find("devices")
    assert devices is not None
    other = ET.SubElement(devices, "disk", type="file", device="disk")
    data = machine.paths.directory / "data.qcow2"
    ET.SubElement(other, "source", file=str(data))
    ET.SubElement(ET.SubElement(other, "backingStore", type="file"), "source", file="/base")
    ET.SubElement(domain, "title").text = "mine"
    paths = replace(machine.paths, layer=LAYER)
    xml = render_with_layer(ET.tostring(domain, encoding="unicode"), paths)
    after = ET.fromstring(xml)
    assert after.findtext("title") == "mine"
    assert f'file="{data}"' in xml
    assert 'file="/base"' in xml
