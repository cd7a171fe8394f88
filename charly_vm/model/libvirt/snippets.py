"""Raw XML for what the structured block has no field for: read, judged, and put where it belongs.

A snippet is one element or several. It is parsed when the project is loaded, so that a slip in it
is found with its line and column, and parsed again when the domain is rendered.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from charly_vm.model.spelling import find_meant

QEMU_NAMESPACE = "http://libvirt.org/schemas/domain/qemu/1.0"

_DEVICES = (
    "audio channel console controller crypto disk emulator filesystem graphics hostdev hub "
    "input interface iommu lease memballoon nvram panic parallel pstore redirdev redirfilter "
    "rng serial shmem smartcard sound tpm video vsock watchdog"
)
DEVICES = frozenset(_DEVICES.split())
"""libvirt's elements below `<devices>`, without `memory`, which is a domain's as well."""

_DOMAIN = (
    "blkiotune cputune defaultiothread description devices features genid idmap iothreadids "
    "iothreads keywrap launchSecurity maxMemory memoryBacking memtune metadata numatune "
    "on_lockfailure perf pm resource seclabel throttlegroups title vcpus"
)
DOMAIN = frozenset(_DOMAIN.split())
"""libvirt's elements of a domain that a snippet may bring."""

ELSEWHERE = {
    "domain": "a snippet is what stands inside of it",
    "name": "the name is the node's in charly.yml",
    "uuid": "charly chooses it",
    "memory": "write `ram:`",
    "currentMemory": "write `ram:`",
    "vcpu": "write `cpu:`",
    "os": "write `firmware:` and `machine:`",
    "cpu": "write `libvirt: {cpu: …}`",
    "clock": "write `libvirt: {clock: …}`",
    "sysinfo": "write `libvirt: {sysinfo: …}`",
    "on_poweroff": "charly relies on its own",
    "on_reboot": "charly relies on its own",
    "on_crash": "charly relies on its own",
}
"""What every domain has already, and what to say instead."""

_LINE_END = re.compile(r"\r\n?|\n")
_OPENING = f'<snippet xmlns:qemu="{QEMU_NAMESPACE}">\n'


@dataclass(frozen=True, slots=True)
class Snippets:
    """The elements of all snippets, by where they belong."""

    devices: tuple[ET.Element, ...]
    domain: tuple[ET.Element, ...]


def parse_snippet(text: str) -> tuple[ET.Element, ...]:
    """The elements of one snippet. Raises ValueError with the line and column inside the text."""
    try:
        root = ET.fromstring(f"{_OPENING}{text}\n</snippet>")
    except ET.ParseError as error:
        raise ValueError(f"is broken XML: {_place(error, text)}") from error
    if (root.text or "").strip() or any((one.tail or "").strip() for one in root):
        raise ValueError("has text outside of its elements")
    if not len(root):
        raise ValueError("has no element in it")
    return tuple(root)


def _place(error: ET.ParseError, text: str) -> str:
    """What is wrong and where in the text. Line 1 is the wrapper's, and so is what is behind."""
    line, column = error.position
    if line - 1 > len(_LINE_END.findall(text)) + 1:
        return "an element is still open at its end"
    reason = str(error).partition(":")[0]
    return f"{reason}, line {line - 1}, column {column + 1} of the snippet"


def is_device(element: ET.Element) -> bool:
    """Whether libvirt has it below `<devices>`; memory is one where it is a module of a model."""
    return element.tag in DEVICES or (element.tag == "memory" and "model" in element.attrib)


def check_snippet(text: str) -> str:
    """The text, if it can be put into a domain.

    A name that nobody knows goes into the domain, for a newer libvirt to judge, unless it is close
    to one that is known.
    """
    for element in parse_snippet(text):
        tag = element.tag
        if is_device(element) or tag in DOMAIN:
            continue
        if tag in ELSEWHERE:
            raise ValueError(f"<{tag}> cannot come from a snippet: {ELSEWHERE[tag]}")
        if meant := find_meant(tag, DEVICES | DOMAIN):
            raise ValueError(f"<{tag}> is not libvirt's; did you mean <{meant}>?")
    return text


def sort_snippets(texts: Iterable[str]) -> Snippets:
    """The elements of every snippet, each text once however often it was given."""
    devices: list[ET.Element] = []
    domain: list[ET.Element] = []
    for text in dict.fromkeys(one.strip() for one in texts):
        for element in parse_snippet(text):
            if element.tag == "devices":
                devices.extend(element)
            elif is_device(element):
                devices.append(element)
            else:
                domain.append(element)
    return Snippets(tuple(devices), tuple(domain))


Snippet = Annotated[str, AfterValidator(check_snippet)]
"""XML, `<rng model='virtio'>…</rng>`. It is one element or several."""


def _listed(written: object) -> object:
    return (written,) if isinstance(written, str) else written


SnippetList = Annotated[
    tuple[Snippet, ...],
    BeforeValidator(_listed, json_schema_input_type=str | tuple[str, ...]),
]
"""XML, or a list of it."""
