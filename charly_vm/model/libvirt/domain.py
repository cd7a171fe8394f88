"""The block as a whole: `<name>-libvirt: {libvirt: {…}}`."""

from __future__ import annotations

from charly_vm.model.base import Model
from charly_vm.model.libvirt.cpu import Cpu
from charly_vm.model.libvirt.devices import Devices


class LibvirtDomain(Model):
    """An element that is None is not in the domain."""

    cpu: Cpu = Cpu()
    devices: Devices = Devices()
