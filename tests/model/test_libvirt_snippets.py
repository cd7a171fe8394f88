"""Raw XML in the libvirt block: what is wrong with it is said at once, and where."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from charly_vm.model.base import Model
from charly_vm.model.document import read_document
from charly_vm.model.libvirt import LibvirtDomain
from charly_vm.model.libvirt.snippets import (
    DEVICES,
    DOMAIN,
    QEMU_NAMESPACE,
    check_snippet,
    parse_snippet,
    sort_snippets,
)
from charly_vm.model.problems import problems_of


class Project(Model):
    libvirt: LibvirtDomain


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<a>\n  <b></c>\n</a>", "mismatched tag, line 2, column 8 of the snippet"),
        ("<disk", "an element is still open at its end"),
        ("<disk a=1/>", "not well-formed .*, line 1, column 9 of the snippet"),
        ("<disk>\n", "an element is still open at its end"),
        ("<title>&nbsp;</title>", "undefined entity, line 1, column 8 of the snippet"),
        ("<lxc:namespace/>", "unbound prefix, line 1, column 1 of the snippet"),
        ("</snippet><snippet>", "line 1, column 11 of the snippet"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><a/>", "line 1, column 3 of the snippet"),
        ("hello", "text outside of its elements"),
        ("<panic/> and more", "text outside of its elements"),
        ("  \n", "no element"),
        ("<!-- nothing -->", "no element"),
        ("<memory>3</memory>", "write `ram:`"),
        ("<domain><panic/></domain>", "stands inside of it"),
        ("<panic/><cpu/>", "write `libvirt: {cpu: …}`"),
        ("<disc/>", "did you mean <disk>"),
        ("<memoryBaking/>", "did you mean <memoryBacking>"),
    ],
)
def test_a_snippet_that_cannot_be_used_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check_snippet(text)


@pytest.mark.parametrize("name", sorted(DEVICES))
def test_a_device_goes_among_the_devices(name: str) -> None:
    found = sort_snippets([check_snippet(f"<{name}/>")])
    assert ([one.tag for one in found.devices], found.domain) == ([name], ())


@pytest.mark.parametrize("name", sorted(DOMAIN - {"devices"}))
def test_an_element_of_the_domain_goes_into_the_domain(name: str) -> None:
    found = sort_snippets([check_snippet(f"<{name}/>")])
    assert (found.devices, [one.tag for one in found.domain]) == ((), [name])


def test_a_memory_module_is_a_device_and_what_libvirt_invents_next_is_of_the_domain() -> None:
    found = sort_snippets([check_snippet("<memory model='dimm'/>"), check_snippet("<quantum/>")])
    assert [one.tag for one in found.devices] == ["memory"]
    assert [one.tag for one in found.domain] == ["quantum"]


def test_devices_in_their_own_element_are_devices() -> None:
    found = sort_snippets(["<devices>\n <panic/>\n <hub type='usb'/>\n</devices>"])
    assert [one.tag for one in found.devices] == ["panic", "hub"]


def test_qemus_prefix_needs_no_declaration() -> None:
    [element] = parse_snippet("<qemu:commandline><qemu:arg value='-S'/></qemu:commandline>")
    assert element.tag == f"{{{QEMU_NAMESPACE}}}commandline"


def test_the_same_text_counts_once() -> None:
    found = sort_snippets(["<panic/>", " <panic/>\n", "<panic />", "<panic/>"])
    assert len(found.devices) == 2


@given(st.text("<>/ab='&;! \r\n", max_size=30) | st.text(max_size=30))
def test_any_text_is_taken_or_refused_at_a_place_inside_of_it(text: str) -> None:
    if place := re.search(r"line (\d+), column (\d+) of", reason_to_refuse(text)):
        line, column = map(int, place.groups())
        lines = re.split(r"\r\n?|\n", text)
        assert 1 <= line <= len(lines)
        assert 1 <= column <= len(lines[line - 1].encode()) + 1


def reason_to_refuse(text: str) -> str:
    """Empty where the text is taken. Anything but a ValueError is a fault."""
    try:
        parse_snippet(text)
    except ValueError as error:
        return str(error)
    return ""


def test_a_slip_in_a_snippet_has_its_place_in_the_file_and_in_the_snippet(tmp_path: Path) -> None:
    file = tmp_path / "charly.yml"
    file.write_text(
        "libvirt:\n"
        "  snippets:\n"
        "    - <panic/>\n"
        "    - |\n"
        "      <blkiotune>\n"
        "        <weight>800</wait>\n"
        "      </blkiotune>\n"
    )
    document = read_document(file)
    with pytest.raises(ValidationError) as caught:
        Project.model_validate(document.data)
    [problem] = problems_of(caught.value, document, ())
    assert str(problem) == (
        f"{file}:4:7: snippets, item 2: is broken XML: mismatched tag, line 2, column 16 of the "
        "snippet"
    )


@pytest.mark.parametrize(
    ("element", "block"),
    [
        ("memtune", {"memtune": {"hard_limit": "1G"}}),
        ("memoryBacking", {"memory_backing": {"locked": True}}),
        ("cputune", {"cputune": {"shares": 2}}),
        ("launchSecurity", {"launch_security": {"type": "sev"}}),
        ("iothreads", {"iothreads": 1}),
    ],
)
def test_an_element_is_said_in_a_field_or_in_a_snippet(
    element: str, block: dict[str, object]
) -> None:
    with pytest.raises(ValidationError, match=f"<{element}> is in a snippet and in `"):
        LibvirtDomain.model_validate({**block, "xml_passthrough": f"<{element}/>"})
