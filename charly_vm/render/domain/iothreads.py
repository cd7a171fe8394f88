"""`<iothreads>`: how many threads there are for disks to share."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from charly_vm.model.resolved import ResolvedMachine


def render_iothreads(machine: ResolvedMachine) -> ET.Element | None:
    if machine.libvirt.iothreads is None:
        return None
    iothreads = ET.Element("iothreads")
    iothreads.text = str(machine.libvirt.iothreads)
    return iothreads
