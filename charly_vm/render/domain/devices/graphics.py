"""`<graphics>`."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.libvirt.devices.graphics import Graphics
from charly_vm.render.domain.element import add_given, attributes_given


def render_graphics(graphics: Graphics) -> ET.Element:
    element = ET.Element("graphics", _attributes(graphics))
    for one in graphics.listen:
        add_given(
            element,
            "listen",
            type=one.type,
            address=one.address,
            network=one.network,
            socket=one.socket,
        )
    for channel in graphics.channels:
        ET.SubElement(element, "channel", name=channel.name, mode=channel.mode)
    _add_spice_options(element, graphics)
    if gl := graphics.gl:
        # egl-headless is nothing but rendering: it has no switch.
        enable = None if graphics.type == "egl-headless" else gl.enable
        ET.SubElement(element, "gl", attributes_given(enable=enable, rendernode=gl.rendernode))
    add_given(element, "audio", id=graphics.audio)
    return element


def _attributes(graphics: Graphics) -> dict[str, str]:
    return attributes_given(
        type=graphics.type,
        port=graphics.port,
        tlsPort=graphics.tls_port,
        autoport=graphics.autoport,
        websocket=graphics.websocket,
        passwd=graphics.passwd,
        passwdValidTo=graphics.passwd_valid_to,
        connected=graphics.connected,
        keymap=graphics.keymap,
        sharePolicy=graphics.share_policy,
        powerControl=graphics.power_control,
        defaultMode=graphics.default_mode,
        username=graphics.username,
        replaceUser=graphics.replace_user,
        multiUser=graphics.multi_user,
        display=graphics.display,
        xauth=graphics.xauth,
        fullscreen=graphics.fullscreen,
        address=graphics.address,
        p2p=graphics.p2p,
    )


def _add_spice_options(element: ET.Element, graphics: Graphics) -> None:
    for name, attribute in (
        ("image", "compression"),
        ("jpeg", "compression"),
        ("zlib", "compression"),
        ("playback", "compression"),
        ("streaming", "mode"),
        ("clipboard", "copypaste"),
        ("mouse", "mode"),
        ("filetransfer", "enable"),
    ):
        if written := getattr(graphics, name):
            ET.SubElement(element, name, {attribute: getattr(written, attribute)})
