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
"""A number from 0."""


class FileVerb(Verb):
    """A path in the guest."""

    name = main = "file"
    file: str
    """The path."""
    exists: Flag = True
    """Whether it is there; where it is not, nothing else is looked at."""
    mode: Mode | None = None
    """Its permissions."""
    owner: str | None = None
    """The name of its owner."""
    group_of: str | None = None
    """The name of its group."""
    filetype: Literal["file", "directory", "symlink"] | None = None
    """What the path itself is; everything else is looked at through a link."""
    contains: SubstringsField | None = None
    """What is in it. A plain word, or an item of a list, is a part of the content."""
    sha256: Annotated[str, Form(r"[0-9a-fA-F]{64}", "64 hexadecimal digits")] | None = None
    """The digest of the content."""


class PackageVerb(Verb):
    """A package of the guest's distribution."""

    name = main = "package"
    package: str
    """Its name."""
    installed: Flag = True
    """Whether it is installed."""
    version: tuple[str, ...] = ()
    """Any of these, with or without epoch and revision."""
    package_map: dict[str, str] = Field(default_factory=dict)
    """Its name by distribution, where it has another one there."""


class ServiceVerb(Verb):
    """A unit of systemd. Where neither `running` nor `enabled` is asked for, it has to run."""

    name = main = "service"
    service: str
    """The unit; `.service` may be left out."""
    running: Flag | None = None
    """Whether it is active."""
    enabled: Flag | None = None
    """Whether it starts at boot."""


class ProcessVerb(Verb):
    """A process by its name."""

    name = main = "process"
    process: str
    """The kernel's name of it, of which 15 letters count."""
    running: Flag = True
    """Whether there is one."""


class UserVerb(Verb):
    """An account."""

    name = main = "user"
    user: str
    """Its name."""
    uid: Id | None = None
    """Its number."""
    gid: Id | None = None
    """The number of its group."""
    home: str | None = None
    """Its home directory."""
    shell: str | None = None
    """Its login shell."""


class GroupVerb(Verb):
    """A group of accounts."""

    name = main = "unix_group"
    unix_group: str
    """Its name."""
    gid: Id | None = None
    """Its number."""


class InterfaceVerb(Verb):
    """A network interface."""

    name = main = "interface"
    interface: str
    """Its name, such as eth0."""
    mtu: Count | None = None
    """The longest packet, in bytes."""
    addrs: tuple[str, ...] = ()
    """Addresses that it has, with or without the length of the prefix."""


class MountVerb(Verb):
    """A place where something is mounted."""

    name = main = "mount"
    mount: str
    """The directory."""
    mount_source: str | None = None
    """What is mounted, such as a device."""
    filesystem: str | None = None
    """Its type."""
    opt: tuple[str, ...] = ()
    """Options that it has among others."""


class KernelParamVerb(Verb):
    """A sysctl."""

    name = main = "kernel-param"
    kernel_param: str = Field(alias="kernel-param")
    """Its name, with dots or slashes."""
    value: MatcherField | None = None
    """What it is."""
