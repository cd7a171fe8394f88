"""The block as a whole: `<name>-libvirt: {libvirt: {…}}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, Field, model_validator
from pydantic_core import to_jsonable_python

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
    features: Features = Field(default_factory=Features.unwritten)
    """What the machine itself offers to its guest."""
    cpu: Cpu = Field(default_factory=Cpu.unwritten)
    """Which processor the guest sees."""
    clock: Clock = Field(default_factory=Clock.unwritten)
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
    sysinfo: Sysinfo = Field(default_factory=Sysinfo.unwritten)
    """What the guest reads in its SMBIOS tables."""
    devices: Devices = Field(default_factory=Devices.unwritten)
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


def dump_block(domain: LibvirtDomain) -> Mapping[str, Any]:
    """The block for JSON: what was written or decided, and no default that follows by itself.

    It is what `model_dump` gives, device by device: for the block at once pydantic first builds a
    serializer of each device that there could be.
    """
    dumped: Mapping[str, Any] = _dump(domain)
    return dumped


def _dump(value: Any) -> Any:
    if isinstance(value, (LibvirtDomain, Devices)):
        return {
            field.alias or name: _dump(getattr(value, name))
            for name, field in type(value).model_fields.items()
            if name in value.model_fields_set
        }
    if isinstance(value, tuple):
        return [_dump(member) for member in value]
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return to_jsonable_python(value)
