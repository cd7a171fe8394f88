"""`<smartcard>`."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.libvirt.devices.smartcard import Smartcard
from charly_vm.render.domain.devices.host_end import add_source
from charly_vm.render.domain.element import add_text, attributes_given


def render_smartcard(smartcard: Smartcard) -> ET.Element:
    element = ET.Element("smartcard", attributes_given(mode=smartcard.mode, type=smartcard.type))
    for certificate in smartcard.certificates or ():
        add_text(element, "certificate", certificate)
    if smartcard.database:
        add_text(element, "database", smartcard.database)
    if smartcard.type:
        add_source(element, smartcard.type, smartcard.source)
    return element
