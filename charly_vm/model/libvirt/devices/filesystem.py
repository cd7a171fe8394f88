"""`<filesystem>`: a directory of the host's that the guest can mount."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic.json_schema import JsonSchemaValue

from charly_vm.model.base import Model
from charly_vm.model.libvirt.devices.notation import Several, Short, Typed
from charly_vm.model.libvirt.devices.values import (
    AbsolutePath,
    BootOrder,
    VirtioModel,
    VirtioOptions,
)
from charly_vm.model.libvirt.numbers import Count, Index
from charly_vm.model.libvirt.switches import OnOff, Switch

FilesystemKind = Literal["virtiofs", "path"]
Permissions = Annotated[str, Field(pattern=r"^[0-7]{3,4}$")]
"""A mode in octal digits, `755`."""


def _parse_kind(written: object) -> object:
    """9p is the protocol of what libvirt calls path."""
    return "path" if written == "9p" else written


class FilesystemDriver(Short, Typed, VirtioOptions):
    """virtiofs is quick and needs a virtiofsd; path is 9p, which QEMU serves itself."""

    short_for: ClassVar[str] = "type"
    only: ClassVar = {"queue": ("virtiofs",), "wrpolicy": ("path", "9p")}
    type: Annotated[
        FilesystemKind,
        BeforeValidator(_parse_kind, json_schema_input_type=Literal["virtiofs", "path", "9p"]),
    ]
    """How it is served."""
    queue: Count | None = None
    """How many requests its queue holds."""
    wrpolicy: Literal["immediate"] | None = None
    """Have the host write what the guest has written at once."""


class FilesystemSource(Short):
    """A directory, or the socket of a virtiofsd that runs already."""

    short_for: ClassVar[str] = "dir"
    dir: AbsolutePath | None = None
    """The directory."""
    socket: AbsolutePath | None = None
    """The socket."""


class FilesystemTarget(Short):
    """The tag under which the guest mounts it; no path, though libvirt calls it dir."""

    short_for: ClassVar[str] = "dir"
    dir: str


class VirtiofsdCache(Short):
    """How much the guest may cache."""

    short_for: ClassVar[str] = "mode"
    mode: Literal["none", "always"]


class VirtiofsdSandbox(Short):
    """How the program is locked in."""

    short_for: ClassVar[str] = "mode"
    mode: Literal["namespace", "chroot"]


class VirtiofsdLock(Model):
    """Whether locks of the guest count on the host."""

    posix: OnOff | None = None
    """Those of fcntl."""
    flock: OnOff | None = None
    """Those of flock."""


class VirtiofsdThreads(Short):
    """How many threads it has."""

    short_for: ClassVar[str] = "size"
    size: Index


class VirtiofsdFiles(Short):
    """How many files may be open at once."""

    short_for: ClassVar[str] = "max"
    max: Count


class Virtiofsd(Short):
    """The program that serves the directory, and how."""

    short_for: ClassVar[str] = "path"
    path: AbsolutePath | None = None
    """The program; the host's own where it is not given."""
    xattr: OnOff | None = None
    """Whether extended attributes are kept."""
    cache: VirtiofsdCache | None = None
    """How much the guest may cache."""
    sandbox: VirtiofsdSandbox | None = None
    """How the program is locked in."""
    lock: VirtiofsdLock | None = None
    """Whether locks of the guest count on the host."""
    thread_pool: VirtiofsdThreads | None = None
    """How many threads it has."""
    openfiles: VirtiofsdFiles | None = None
    """How many files may be open at once."""


class IdRange(Model):
    """So many ids from `start` in the guest are those from `target` on the host."""

    start: Index
    """The first in the guest."""
    target: Index
    """The first on the host."""
    count: Count
    """How many."""


class IdMap(Model):
    """Whose files are whose. An empty one leaves it to libvirt; without one the guest's first user
    is the host's."""

    uid: Several[IdRange] = ()
    """Of accounts."""
    gid: Several[IdRange] = ()
    """Of groups."""


class Filesystem(Typed):
    """A directory of the host's that the guest can mount."""

    typed_by: ClassVar[str] = "driver"
    only: ClassVar = {
        "source.socket": ("virtiofs",),
        "binary": ("virtiofs",),
        "idmap": ("virtiofs",),
        "multidevs": ("path", "9p"),
        "fmode": ("path", "9p"),
        "dmode": ("path", "9p"),
        "boot": ("virtiofs",),
    }
    type: Literal["mount"] = "mount"
    """The only one there is."""
    driver: FilesystemDriver = Field(default_factory=lambda: FilesystemDriver(type="path"))
    """How it is served: virtiofs is quick and needs a virtiofsd; path (or 9p) QEMU serves
    itself."""
    accessmode: Literal["passthrough", "mapped", "squash"] | None = None
    """Whose rights count on the host; virtiofs knows passthrough alone."""
    source: FilesystemSource
    target: FilesystemTarget
    model: VirtioModel | None = None
    """Which virtio it speaks."""
    readonly: Switch = False
    """The guest cannot write to it."""
    multidevs: Literal["default", "remap", "forbid", "warn"] | None = None
    """What becomes of a directory that spans several of the host's file systems."""
    fmode: Permissions | None = None
    """The mode of files that the guest makes, with accessmode mapped."""
    dmode: Permissions | None = None
    """The mode of directories that the guest makes, with accessmode mapped."""
    binary: Virtiofsd | None = None
    idmap: IdMap | None = None
    boot: BootOrder | None = None
    """When firmware tries it."""

    @model_validator(mode="after")
    def _has_a_mode_that_its_driver_knows(self) -> Self:
        if self.driver.type == "virtiofs" and self.accessmode in ("mapped", "squash"):
            raise ValueError("driver virtiofs knows the accessmode passthrough alone")
        if (self.source.dir is None) == (self.source.socket is None):
            raise ValueError("source is a directory, or the socket of a virtiofsd")
        return self

    def chosen_type(self) -> str:
        return self.driver.type

    @classmethod
    def types(cls, schema: JsonSchemaValue) -> list[str]:
        return ["virtiofs", "path", "9p"]

    @classmethod
    def condition_for(cls, chosen: str) -> JsonSchemaValue:
        """The driver may be written as its type alone."""
        whole = {"properties": {"type": {"const": chosen}}, "required": ["type"], "type": "object"}
        condition: JsonSchemaValue = {
            "properties": {"driver": {"anyOf": [{"const": chosen}, whole]}}
        }
        if chosen != "path":
            condition["required"] = ["driver"]
        return condition
