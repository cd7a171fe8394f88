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
    """What a machine has beyond its entity, by libvirt's names. What is not written is left to
    libvirt and QEMU, or to charly where the table says so."""

    # The defaults are made when they are needed: a model's first value costs the building of its
    # validator, and most commands of the command line read no block.
    features: Features = Field(default_factory=Features)
    """What the machine itself offers to its guest."""
    cpu: Cpu = Field(default_factory=Cpu)
    """Which processor the guest sees."""
    clock: Clock = Field(default_factory=Clock)
    """What the guest's clock begins with, and the timers that it ticks by."""
    memory_backing: MemoryBacking | None = None
    """Where the guest's memory comes from on the host."""
    memtune: MemTune | None = None
    """How much of the host's memory the machine may take."""
    numatune: NumaTune | None = None
    """From which of the host's NUMA nodes the guest's memory comes."""
    cputune: CpuTune | None = None
    """Which of the host's CPUs the machine's threads run on, and how much of them."""
    iothreads: Count | None = None
    """How many threads QEMU has for disks."""
    seclabel: SecLabels = ()
    """The machine's label, or one for each security module."""
    launch_security: LaunchSecurity | None = None
    """A guest whose memory its host cannot read."""
    resource: Resource | None = None
    """Where among the host's control groups and fabrics the machine belongs."""
    sysinfo: Sysinfo = Field(default_factory=Sysinfo)
    """What the guest reads in its SMBIOS tables."""
    devices: Devices = Field(default_factory=Devices)
    """What is added to the devices that every machine has, or takes their place."""
    snippets: tuple[Snippet, ...] = ()
    """Raw XML, each element put among the devices or into the domain by its name; exact duplicates
    are dropped."""
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
