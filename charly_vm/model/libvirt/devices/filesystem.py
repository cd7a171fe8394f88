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
    queue: Count | None = None
    wrpolicy: Literal["immediate"] | None = None


class FilesystemSource(Short):
    """A directory, or the socket of a virtiofsd that runs already."""

    short_for: ClassVar[str] = "dir"
    dir: AbsolutePath | None = None
    socket: AbsolutePath | None = None


class FilesystemTarget(Short):
    """The tag under which the guest mounts it; no path, though libvirt calls it dir."""

    short_for: ClassVar[str] = "dir"
    dir: str


class VirtiofsdCache(Short):
    short_for: ClassVar[str] = "mode"
    mode: Literal["none", "always"]


class VirtiofsdSandbox(Short):
    short_for: ClassVar[str] = "mode"
    mode: Literal["namespace", "chroot"]


class VirtiofsdLock(Model):
    posix: OnOff | None = None
    flock: OnOff | None = None


class VirtiofsdThreads(Short):
    short_for: ClassVar[str] = "size"
    size: Index


class VirtiofsdFiles(Short):
    """At most so many open at once."""

    short_for: ClassVar[str] = "max"
    max: Count


class Virtiofsd(Short):
    """The program that serves the directory, and how."""

    short_for: ClassVar[str] = "path"
    path: AbsolutePath | None = None
    xattr: OnOff | None = None
    cache: VirtiofsdCache | None = None
    sandbox: VirtiofsdSandbox | None = None
    lock: VirtiofsdLock | None = None
    thread_pool: VirtiofsdThreads | None = None
    openfiles: VirtiofsdFiles | None = None


class IdRange(Model):
    """So many ids from `start` in the guest are those from `target` on the host."""

    start: Index
    target: Index
    count: Count


class IdMap(Model):
    """Whose files are whose. An empty one leaves it to libvirt, and none to `resolve`."""

    uid: Several[IdRange] = ()
    gid: Several[IdRange] = ()


class Filesystem(Typed):
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
    driver: FilesystemDriver = Field(default_factory=lambda: FilesystemDriver(type="path"))
    accessmode: Literal["passthrough", "mapped", "squash"] | None = None
    """virtiofs knows passthrough alone."""
    source: FilesystemSource
    target: FilesystemTarget
    model: VirtioModel | None = None
    readonly: Switch = False
    multidevs: Literal["default", "remap", "forbid", "warn"] | None = None
    fmode: Permissions | None = None
    dmode: Permissions | None = None
    binary: Virtiofsd | None = None
    idmap: IdMap | None = None
    boot: BootOrder | None = None

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
