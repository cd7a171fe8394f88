"""`<watchdog>`."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.libvirt.devices.watchdog import Watchdog
from charly_vm.render.domain.element import attributes_given


def render_watchdog(watchdog: Watchdog) -> ET.Element:
    return ET.Element("watchdog", attributes_given(model=watchdog.model, action=watchdog.action))
