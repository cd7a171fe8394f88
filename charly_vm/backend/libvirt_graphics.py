"""The graphics in a live domain's XML: what they are, and one of them with another password.

https://libvirt.org/formatdomain.html#graphical-framebuffers
"""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.backend.viewer_password import choose_server
from charly_vm.model.live import LiveGraphics


def read_graphics(xml: str) -> tuple[LiveGraphics, ...]:
    """From a live domain's XML; whether there are passwords is only in one made with secrets."""
    return tuple(_read(one) for one in ET.fromstring(xml).findall("devices/graphics"))


def render_with_password(xml: str, name: str, kind: str, password: str) -> tuple[str, str]:
    """The `<graphics>` of a live domain with another password and nothing else changed, and which
    kind it is. Raises `StateError` where there is none of that kind.

    libvirt refuses a change of anything else, and forgets the password where it is left out: the
    XML has to be the live one with its secrets.
    """
    elements = ET.fromstring(xml).findall("devices/graphics")
    chosen = choose_server(name, [one.get("type", "") for one in elements], kind)
    element = next(one for one in elements if one.get("type") == chosen)
    element.set("passwd", password)
    return ET.tostring(element, encoding="unicode"), chosen


def _read(element: ET.Element) -> LiveGraphics:
    listeners = element.findall("listen")
    sockets = [one.get("socket", "") for one in listeners if one.get("type") == "socket"]
    addresses = [one.get("address", "") for one in listeners]
    return LiveGraphics(
        type=element.get("type", ""),
        address=next(filter(None, addresses), element.get("listen", "")),
        port=_port(element, "port"),
        tls_port=_port(element, "tlsPort"),
        socket=next(filter(None, sockets), element.get("socket", "")),
        has_password="passwd" in element.attrib,
    )


def _port(element: ET.Element, name: str) -> int:
    """-1 is libvirt's word for one that it has not chosen, or will not."""
    return max(0, int(element.get(name) or 0))
