"""A VM entity: the shape of a machine, and never whether it may be destroyed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from charly_vm.model.base import Model
from charly_vm.model.cloud_init import CloudInit
from charly_vm.model.libvirt import LibvirtDomain
from charly_vm.model.network import Network
from charly_vm.model.quantities import Size, parse_size
from charly_vm.model.source import Source
from charly_vm.model.ssh import Ssh

FirmwareName = Literal["bios", "uefi-insecure", "uefi-secure"]
MachineType = Literal["q35", "virt", "i440fx", "pc"]


class SnapshotWish(Model):
    """A snapshot that an author names beforehand."""

    name: str
    description: str = ""
    mode: Literal["external", "internal"] = "external"
    quiesce: bool = False
    """Have the guest agent freeze the file systems meanwhile."""
    from_: str | None = Field(default=None, alias="from")


class VmEntity(Model):
    """`<name>: {vm: {source: …}}`."""

    source: Source
    disk_size: Size | None = None
    """What the guest sees; the image's own size where it is not given. Takes room as it fills."""
    ram: Size = parse_size("4G")
    cpu: int = Field(default=2, ge=1)
    arch: str | None = None
    """As `uname -m` says it; the host's where it is not given."""
    machine: MachineType | None = None
    """QEMU's machine type; the architecture's usual one where it is not given."""
    firmware: FirmwareName = "bios"
    backend: Literal["auto", "libvirt", "qemu"] = "auto"
    autostart: bool = False
    """Boot with the host; needs libvirt."""
    network: Network = Network()
    ssh: Ssh = Ssh()
    cloud_init: CloudInit = CloudInit()
    snapshot: tuple[SnapshotWish, ...] = ()
    plan: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class EntityNode:
    """An entity with its name, its libvirt block and its place."""

    name: str
    vm: VmEntity
    libvirt: LibvirtDomain
    file: str
    line: int
