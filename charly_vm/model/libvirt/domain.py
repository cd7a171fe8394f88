"""The block as a whole: `<name>-libvirt: {libvirt: {…}}`."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from charly_vm.model.base import Model
from charly_vm.model.libvirt.clock import Clock
from charly_vm.model.libvirt.cpu import Cpu
from charly_vm.model.libvirt.cputune import CpuTune
from charly_vm.model.libvirt.devices import Devices
from charly_vm.model.libvirt.features import Features
from charly_vm.model.libvirt.launch_security import LaunchSecurity
from charly_vm.model.libvirt.memory_backing import MemoryBacking
from charly_vm.model.libvirt.memtune import MemTune
from charly_vm.model.libvirt.numatune import NumaTune
from charly_vm.model.libvirt.numbers import Count
from charly_vm.model.libvirt.resource import Resource
from charly_vm.model.libvirt.seclabel import SecLabels
from charly_vm.model.libvirt.snippets import Snippet, SnippetList, parse_snippet
from charly_vm.model.libvirt.sysinfo import Sysinfo

ONCE = {
    "memoryBacking": "memory_backing",
    "memtune": "memtune",
    "numatune": "numatune",
    "cputune": "cputune",
    "iothreads": "iothreads",
    "resource": "resource",
    "launchSecurity": "launch_security",
}
"""Elements that a domain has once, by the field that says them too."""


class LibvirtDomain(Model):
    """An element that is None is not in the domain.

    The defaults are made when they are needed: a model's first value costs the building of its
    validator, and most commands of the command line read no block.
    """

    features: Features = Field(default_factory=Features)
    cpu: Cpu = Field(default_factory=Cpu)
    clock: Clock = Field(default_factory=Clock)
    memory_backing: MemoryBacking | None = None
    memtune: MemTune | None = None
    numatune: NumaTune | None = None
    cputune: CpuTune | None = None
    iothreads: Count | None = None
    seclabel: SecLabels = ()
    launch_security: LaunchSecurity | None = None
    resource: Resource | None = None
    sysinfo: Sysinfo = Field(default_factory=Sysinfo)
    devices: Devices = Field(default_factory=Devices)
    snippets: tuple[Snippet, ...] = ()
    """Raw XML, each put among the devices or into the domain by the name of its element."""
    xml_passthrough: SnippetList = ()
    """The same by another name, as one text or several."""

    @model_validator(mode="after")
    def _says_each_element_once(self) -> Self:
        for text in (*self.snippets, *self.xml_passthrough):
            for element in parse_snippet(text):
                field = ONCE.get(element.tag)
                if field is not None and getattr(self, field) is not None:
                    raise ValueError(
                        f"<{element.tag}> is in a snippet and in `{field}`; say it once"
                    )
        return self
