"""Verbs that look at a guest's state: files, packages, units, accounts, the kernel."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from charly_vm.model.form import Form
from charly_vm.model.matchers import MatcherField, SubstringsField
from charly_vm.model.quantities import Count, Flag
from charly_vm.model.verbs.verb import Verb

Mode = Annotated[str, Form(r"0?[0-7]{3,4}", "a mode in octal digits, such as 0644")]

Id = Annotated[int, Field(strict=True, ge=0)]
"""Of a user or a group."""


class FileVerb(Verb):
    """A path in the guest."""

    name = main = "file"
    file: str
    exists: Flag = True
    mode: Mode | None = None
    owner: str | None = None
    group_of: str | None = None
    filetype: Literal["file", "directory", "symlink"] | None = None
    """What the path itself is; everything else is looked at through a link."""
    contains: SubstringsField | None = None
    """Here a plain word, or item of a list, is a part of the content."""
    sha256: Annotated[str, Form(r"[0-9a-fA-F]{64}", "64 hexadecimal digits")] | None = None


class PackageVerb(Verb):
    """A package of the guest's distribution."""

    name = main = "package"
    package: str
    installed: Flag = True
    version: tuple[str, ...] = ()
    """Any of these."""
    package_map: dict[str, str] = Field(default_factory=dict)
    """Its name by distribution, where it has another one there."""


class ServiceVerb(Verb):
    """A systemd unit. Where neither is asked for, it has to run."""

    name = main = "service"
    service: str
    running: Flag | None = None
    enabled: Flag | None = None


class ProcessVerb(Verb):
    """A process by its name."""

    name = main = "process"
    process: str
    running: Flag = True


class UserVerb(Verb):
    """An account."""

    name = main = "user"
    user: str
    uid: Id | None = None
    gid: Id | None = None
    home: str | None = None
    shell: str | None = None


class GroupVerb(Verb):
    """A group of accounts."""

    name = main = "unix_group"
    unix_group: str
    gid: Id | None = None


class InterfaceVerb(Verb):
    """A network interface."""

    name = main = "interface"
    interface: str
    mtu: Count | None = None
    addrs: tuple[str, ...] = ()


class MountVerb(Verb):
    """A place where something is mounted."""

    name = main = "mount"
    mount: str
    mount_source: str | None = None
    filesystem: str | None = None
    opt: tuple[str, ...] = ()


class KernelParamVerb(Verb):
    """A sysctl."""

    name = main = "kernel-param"
    kernel_param: str = Field(alias="kernel-param")
    value: MatcherField | None = None
