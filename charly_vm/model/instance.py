"""`instance.yml`: what one machine has on this host and no project should say of it.

A card's PCI address, a directory of the host, and the host's veto against destroying the machine.
It lies in the machine's directory and survives its rebuilds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import Field

from charly_vm.errors import Problem, SpecError
from charly_vm.model.base import Model, Open
from charly_vm.model.document import read_document
from charly_vm.model.libvirt.devices.filesystem import Filesystem
from charly_vm.model.libvirt.devices.hostdev import Hostdev
from charly_vm.model.quantities import Flag
from charly_vm.model.readers.findings import Findings
from charly_vm.model.resource import PciAddress


class InstanceDevices(Open):
    """The devices that depend on the host, beside the machine's own."""

    hostdevs: tuple[Hostdev, ...] = ()
    """Devices of the host that are handed to the guest."""
    filesystems: tuple[Filesystem, ...] = ()
    """Directories of the host that the guest can mount."""


class InstanceLibvirt(Open):
    """The part of the libvirt block that is looked at."""

    devices: InstanceDevices = Field(default_factory=InstanceDevices.unwritten)


class Allocated(Model):
    """One function of a card that a machine was given because its deploy claims the card."""

    token: str
    """The claim."""
    address: PciAddress
    """Where the card is plugged in, which is among the `hostdevs`."""
    id: str
    """What has to be there: vendor and device, `0x10de:0x2684`."""


class InstanceFile(Open):
    """What one machine has on this host and no project should say of it: `instance.yml` in the
    machine's directory."""

    libvirt: InstanceLibvirt = Field(default_factory=InstanceLibvirt.unwritten)
    """The host's part of the libvirt block."""
    allocated: tuple[Allocated, ...] = ()
    """What of the `hostdevs` charly has chosen; without it they are an author's."""
    disposable: Flag | None = None
    """`false` forbids an unattended destroy, whatever the project says; `true` allows nothing."""


@dataclass(frozen=True, slots=True)
class Instance:
    """What the file says."""

    hostdevs: tuple[Hostdev, ...] = ()
    filesystems: tuple[Filesystem, ...] = ()
    allocated: tuple[Allocated, ...] = ()
    """What of the devices was chosen by charly and not by an author."""
    disposable: bool | None = None
    """False forbids an unattended destroy, whatever the project says; True allows nothing."""
    written: Mapping[str, Any] = field(default_factory=dict)
    """Everything in the file, for those who write it again."""

    @property
    def is_vetoed(self) -> bool:
        return self.disposable is False


def read_instance(path: Path) -> Instance:
    """Read a machine's file; one that is not there says nothing. Raises `SpecError`."""
    if not path.exists():
        return Instance()
    document = read_document(path)
    if not isinstance(document.data, dict):
        raise SpecError([Problem(str(path), 1, 1, "has to be a mapping")])
    findings = Findings(document)
    read = findings.validate(InstanceFile, document.data, ())
    if read is None:
        raise SpecError(findings.problems)
    devices = read.libvirt.devices
    return Instance(
        hostdevs=devices.hostdevs,
        filesystems=devices.filesystems,
        allocated=read.allocated,
        disposable=read.disposable,
        written=document.data,
    )
