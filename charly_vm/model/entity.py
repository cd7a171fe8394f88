"""A VM entity: the shape of a machine, and never whether it may be destroyed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from charly_vm.model.base import Model, wrong
from charly_vm.model.cloud_init import CloudInit
from charly_vm.model.deploy import Plan
from charly_vm.model.libvirt import LibvirtDomain
from charly_vm.model.network import Network
from charly_vm.model.quantities import Count, Flag, Size, parse_size
from charly_vm.model.source import Source
from charly_vm.model.ssh import Ssh
from charly_vm.model.step import Step

FirmwareName = Literal["bios", "uefi-insecure", "uefi-secure"]
MachineType = Literal["q35", "virt", "i440fx", "pc"]


class SnapshotWish(Model):
    """A snapshot that an author names beforehand."""

    name: str = Field(min_length=1)
    """How the verbs call it."""
    description: str = ""
    """Prose for `charly vm snapshot list`."""
    mode: Literal["external", "internal"] = "external"
    """`external` holds the disk; `internal` the memory of a running machine as well."""
    quiesce: Flag = False
    """Have the guest agent freeze the file systems meanwhile."""
    from_: str | None = Field(default=None, alias="from")
    """The snapshot that it builds on."""


class VmEntity(Model):
    """The shape of a machine, `NAME: {vm: {source: …}}`. It never says whether the machine may be
    destroyed."""

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                {
                    "if": {
                        "properties": {"firmware": {"const": "uefi-secure"}},
                        "required": ["firmware"],
                    },
                    "then": {"properties": {"machine": {"not": {"enum": ["i440fx", "pc"]}}}},
                },
                {
                    "if": {
                        "properties": {"autostart": {"enum": [True, "yes", "on"]}},
                        "required": ["autostart"],
                    },
                    "then": {"properties": {"backend": {"not": {"const": "qemu"}}}},
                },
            ]
        }
    )

    source: Source
    """Where the disk comes from."""
    disk_size: Size | None = None
    """What the guest sees; the image's own size where it is not given. Takes room as it fills."""
    ram: Size = parse_size("4G")
    """The guest's memory."""
    cpu: Count = 2
    """How many CPUs the guest has."""
    arch: str | None = None
    """As `uname -m` says it; the host's where it is not given."""
    machine: MachineType | None = None
    """QEMU's machine type; the architecture's usual one where it is not given."""
    firmware: FirmwareName = "bios"
    """What boots it. An architecture without a BIOS takes `uefi-insecure` where nothing is
    written."""
    backend: Literal["auto", "libvirt", "qemu"] = "auto"
    """What runs it: libvirt's session daemon, or QEMU alone. `auto` takes libvirt where it
    answers."""
    autostart: Flag = False
    """Boot with the host; needs libvirt."""
    network: Network = Field(default_factory=Network.unwritten)
    """How the guest is connected."""
    ssh: Ssh = Field(default_factory=Ssh.unwritten)
    """How the guest is reached, and by which key."""
    cloud_init: CloudInit = Field(default_factory=CloudInit.unwritten)
    """What the guest does with itself when it first boots."""
    snapshot: tuple[SnapshotWish, ...] = ()
    """Snapshots that `charly vm snapshot` knows by name."""
    plan: Plan = Field(default_factory=list)
    """Steps of every deploy of this entity, before the deploy's own."""

    @field_validator("snapshot")
    @classmethod
    def _has_each_snapshot_once(cls, value: tuple[SnapshotWish, ...]) -> tuple[SnapshotWish, ...]:
        names = [wish.name for wish in value]
        for number, name in enumerate(names):
            if name in names[:number]:
                raise wrong(((number, "name"), f"there is a snapshot {name!r} already"))
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        problems = []
        if self.firmware == "uefi-secure" and self.machine in ("i440fx", "pc"):
            text = f"Secure Boot needs q35; {self.machine} has no system management mode"
            problems.append((("machine",), text))
        if self.autostart and self.backend == "qemu":
            text = "needs libvirt, and backend: qemu rules it out"
            problems.append((("autostart",), text))
        if problems:
            raise wrong(*problems)
        return self


@dataclass(frozen=True, slots=True)
class EntityNode:
    """An entity with its name, its libvirt block and its place."""

    name: str
    vm: VmEntity
    libvirt: LibvirtDomain
    file: str
    line: int
    steps: tuple[Step, ...] = ()
    """Its plan: what holds for every deploy of it."""
