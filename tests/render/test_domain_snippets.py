"""Raw XML joins a domain without saying twice what the domain has once."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from sample_machine import sample_machine

from charly_vm.model.libvirt.snippets import QEMU_NAMESPACE
from charly_vm.render.domain_xml import render_domain_xml

QEMU = f"{{{QEMU_NAMESPACE}}}"
AGENT = "org.qemu.guest_agent.0"


def domain(*snippets: str) -> ET.Element:
    return ET.fromstring(render_domain_xml(sample_machine(libvirt={"snippets": list(snippets)})))


def test_words_for_qemu_stand_behind_those_that_charly_has() -> None:
    [line] = domain(
        "<qemu:commandline><qemu:arg value='-global'/><qemu:arg value='a.b=1'/></qemu:commandline>"
    ).findall(f"{QEMU}commandline")
    words = [one.get("value") for one in line]
    assert words[0] == "-netdev"
    assert words[-2:] == ["-global", "a.b=1"]


def test_a_second_channel_of_the_guest_agents_name_is_left_out() -> None:
    channel = f"<channel type='unix'><target type='virtio' name='{AGENT}'/></channel>"
    names = [one.get("name") for one in domain(channel).findall("devices/channel/target")]
    assert names == [AGENT]


def test_a_channel_of_another_name_is_added() -> None:
    channel = "<channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0'/></channel>"
    names = [one.get("name") for one in domain(channel).findall("devices/channel/target")]
    assert names == [AGENT, "com.redhat.spice.0"]


def test_a_device_that_a_domain_has_once_takes_the_place_of_ours() -> None:
    changed = domain("<memballoon model='virtio'/>", "<emulator>/opt/qemu</emulator>")
    assert [one.get("model") for one in changed.findall("devices/memballoon")] == ["virtio"]
    assert [one.text for one in changed.findall("devices/emulator")] == ["/opt/qemu"]


def test_a_usb_controller_ends_the_absence_of_usb() -> None:
    controller = "<controller type='usb' model='qemu-xhci'/>"
    models = [
        one.get("model") for one in domain(controller).findall("devices/controller[@type='usb']")
    ]
    assert models == ["qemu-xhci"]


def test_features_join_those_that_are_there() -> None:
    [features] = domain("<features><vmcoreinfo state='on'/></features>").findall("features")
    assert [one.tag for one in features] == ["acpi", "apic", "vmcoreinfo"]


def test_features_of_a_machine_without_any_are_those_of_the_snippet() -> None:
    block = {
        "features": {"acpi": False, "apic": False},
        "snippets": ["<features><vmcoreinfo state='on'/></features>"],
    }
    changed = ET.fromstring(render_domain_xml(sample_machine(libvirt=block)))
    assert [one.tag for one in changed.findall("features/*")] == ["vmcoreinfo"]


def test_metadata_of_another_namespace_stands_beside_ours() -> None:
    changed = domain("<metadata><own:er xmlns:own='urn:own'>we</own:er></metadata>")
    assert [one.tag.partition("}")[2] for one in changed.findall("metadata/*")] == ["machine", "er"]


def test_the_elements_of_two_snippets_keep_their_order() -> None:
    changed = domain("<perf/>", "<title>a</title><description>b</description>")
    assert [one.tag for one in changed][-3:] == ["perf", "title", "description"]
