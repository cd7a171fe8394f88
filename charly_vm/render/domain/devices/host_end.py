"""The host's end of character devices: `<source>`, `<protocol>`, `<log>`."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.libvirt.devices.character import (
    CharacterDevice,
    CharacterLog,
    CharacterSource,
)
from charly_vm.render.domain.element import add_given, attributes_given

SOCKETS = ("unix", "tcp")


def render_character(
    tag: str, device: CharacterDevice, source: CharacterSource | None = None
) -> ET.Element:
    """The device without its end in the guest. `source` is used where it is given."""
    element = ET.Element(tag, type=device.type)
    add_source(element, device.type, source or device.source)
    add_given(element, "protocol", type=device.protocol)
    _add_log(element, device.log)
    return element


def add_source(parent: ET.Element, kind: str, source: CharacterSource | None) -> None:
    """What the type `kind` says of its source."""
    if source is None:
        return
    if kind == "udp":
        _add_udp(parent, source)
        return
    attributes = attributes_given(
        mode=(source.mode or "bind") if kind in SOCKETS else None,
        path=source.path,
        host=source.host,
        service=source.service,
        append=source.append,
        tls=source.tls,
        channel=source.channel,
    )
    element = ET.SubElement(parent, "source", attributes)
    if source.reconnect:
        add_given(
            element,
            "reconnect",
            enabled=source.reconnect.enabled,
            timeout=source.reconnect.timeout,
        )
    if source.clipboard:
        ET.SubElement(element, "clipboard", copypaste=source.clipboard.copypaste)
    if source.mouse:
        ET.SubElement(element, "mouse", mode=source.mouse.mode)


def _add_udp(parent: ET.Element, source: CharacterSource) -> None:
    """Where it listens, and whom it sends to."""
    if source.bind:
        add_given(parent, "source", mode="bind", host=source.bind.host, service=source.bind.service)
    add_given(parent, "source", mode="connect", host=source.host, service=source.service)


def _add_log(parent: ET.Element, log: CharacterLog | None) -> None:
    if log:
        add_given(parent, "log", file=log.file, append=log.append)
