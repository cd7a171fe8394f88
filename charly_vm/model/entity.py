"""A VM entity: the shape of a machine, and never whether it may be destroyed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from charly_vm.model.base import Model
from charly_vm.model.libvirt import LibvirtDomain
from charly_vm.model.network import Network
from charly_vm.model.quantities import Size, parse_size
from charly_vm.model.source import Source
from charly_vm.model.ssh import Ssh


class VmEntity(Model):
    """`<name>: {vm: {source: …}}`."""

    source: Source
    disk_size: Size | None = None
    """What the guest sees; the image's own size where it is not given. Takes room as it fills."""
    ram: Size = parse_size("4G")
    cpu: int = Field(default=2, ge=1)
    backend: Literal["auto", "libvirt", "qemu"] = "auto"
    network: Network = Network()
    ssh: Ssh = Ssh()


@dataclass(frozen=True, slots=True)
class EntityNode:
    """An entity with its name, its libvirt block and its place."""

    name: str
    vm: VmEntity
    libvirt: LibvirtDomain
    file: str
    line: int
