"""A candy: a layer that is applied inside a running guest, and undone again.

What concerns container images is kept and not run: its keys are not looked into, and a candy with
`base` or `from` is an image, of which only `bootc: true` means something here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from charly_vm.model.base import Model, Open, wrong
from charly_vm.model.deploy import Plan
from charly_vm.model.environment import PathlessEnvironment
from charly_vm.model.quantities import Flag
from charly_vm.model.step import Step

IMAGE_KEYS = ("base", "from")
"""Either makes a candy an image."""

NEEDS_MIGRATION = ("vm", "libvirt")
"""What images had before VMs became entities of their own."""

Kept = Annotated[Any, WithJsonSchema({})]
Text = Annotated[str, Field(min_length=1)]


class Package(Model):
    """A package, perhaps with the reason why it is there."""

    name: Text
    """What the package manager calls it."""
    description: str = ""
    """Why it is there."""


def _from_name(written: object) -> object:
    return {"name": written} if isinstance(written, str) else written


def _from_list(written: object) -> object:
    return {"snippets": written} if isinstance(written, list) else written


PackageField = Annotated[
    Package,
    BeforeValidator(
        _from_name,
        json_schema_input_type=Package | Annotated[str, Field(strict=True, min_length=1)],
    ),
]


class AurPackages(Model):
    """Packages from the Arch user repository."""

    package: tuple[PackageField, ...] = ()
    """What is built and installed."""
    option: tuple[str, ...] = ()
    """Options for what builds them."""
    replace: tuple[str, ...] = ()
    """Packages whose place they take."""


class Repository(Open):
    """A package repository; what else it needs depends on the package manager."""

    name: Text
    """What it is called."""


class DistroPackages(Model):
    """What a candy installs on one distribution, or on several."""

    package: tuple[PackageField, ...] = ()
    """What is installed."""
    repo: tuple[Repository, ...] = ()
    """Where packages come from beside the distribution's own."""
    copr: tuple[Text, ...] = ()
    """The same of Fedora's COPR, as `owner/project`."""
    aur: AurPackages | None = None
    """Packages from the Arch user repository."""
    exclude: tuple[Text, ...] = ()
    """Packages that must not come along."""
    option: tuple[str, ...] = ()
    """Options for the package manager."""
    module: tuple[Text, ...] = ()
    """Module streams of dnf."""


class Service(Open):
    """A service: a unit that the distribution packages, or a command of the candy's own."""

    model_config = ConfigDict(json_schema_extra={"not": {"required": ["exec", "use_packaged"]}})

    kept: ClassVar = frozenset({"exec_start_pre", "exec_start_post", "type", "kind", "event"})

    name: Text
    """The unit."""
    use_packaged: str | None = None
    """The unit of a package, in place of `exec`."""
    exec: str | None = None
    """The command that it runs."""
    distro: tuple[Text, ...] = ()
    """Distributions that it is meant for; all where none is given."""
    env: PathlessEnvironment = Field(default_factory=dict)
    """The command's environment."""
    restart: Literal["no", "on-failure", "always", "unless-stopped"] | None = None
    """When it is started again."""
    working_directory: str | None = None
    """Where the command runs."""
    user: str | None = None
    """The account that the command runs as."""
    after: tuple[Text, ...] = ()
    """Units that are started before it."""
    before: tuple[Text, ...] = ()
    """Units that are started after it."""
    wanted_by: tuple[Text, ...] = ()
    """Units that bring it along."""
    scope: Literal["system", "user"] | None = None
    """Whether it is the system's or each user's."""
    enable: Flag | None = None
    """Have it start at boot."""
    stop_timeout: str | None = None
    """How long it may take to stop."""

    @model_validator(mode="after")
    def _runs_one_thing(self) -> Self:
        if {"exec", "use_packaged"} <= self.model_fields_set:
            raise wrong((("exec",), "excludes use_packaged"))
        return self


class Shell(Model):
    """Lines for the shells' start files."""

    init: str | None = None
    """Lines for every shell."""
    path_append: tuple[str, ...] = ()
    """Directories behind those of PATH."""
    path: str | None = None
    priority: int | None = None
    bash: Kept = None
    """Lines for this shell."""
    zsh: Kept = None
    """Lines for this shell."""
    fish: Kept = None
    """Lines for this shell."""
    sh: Kept = None
    """Lines for this shell."""


class Snippets(Model):
    """Pieces of domain XML that a candy needs in the machine that it is applied to."""

    snippets: tuple[str, ...] = ()
    """XML, as in the libvirt block."""


SnippetsField = Annotated[
    Snippets, BeforeValidator(_from_list, json_schema_input_type=Snippets | list[str])
]


class Candy(Open):
    """A layer, `NAME: {candy: {…}}`, that is applied inside a running guest and undone again. Read
    and checked; this version applies none."""

    kept: ClassVar = frozenset(
        {
            *("agent_provide", "apk", "artifact", "bake_plugin", "base", "bootc", "build"),
            *("builder", "capability", "data", "engine", "env_accept", "env_provide"),
            *("env_require", "external_builder", "extract", "from", "gid", "home", "hook"),
            *("init", "mcp_accept", "mcp_provide", "mcp_require", "merge", "network"),
            *("packaging", "platform", "plugin", "port", "port_relay", "registry"),
            *("requires_capability", "route", "secret", "secret_accept", "secret_require"),
            *("skill", "tag", "terminal_profile", "uid", "user"),
        }
    )

    version: str | None = None
    """The layer's own."""
    name: str | None = None
    """A name for people; others refer to the node's."""
    description: str = ""
    """Prose for people, kept."""
    status: Literal["testing", "working", "broken"] | None = None
    """How far its author trusts it."""
    require: tuple[Text, ...] = ()
    """Candies that are applied first; names, or `@` references."""
    candy: tuple[Text, ...] = ()
    """The same, for what a candy is put together from."""
    reboot: Flag = False
    """Reboot the guest when it has been applied."""
    env: PathlessEnvironment = Field(default_factory=dict)
    """Variables in the guest's environment."""
    var: PathlessEnvironment = Field(default_factory=dict)
    """Variables for its own steps."""
    path_append: tuple[Text, ...] = ()
    """Directories behind those of PATH."""
    package: tuple[PackageField, ...] = ()
    """What is installed, whatever the distribution."""
    distro: Mapping[str, DistroPackages] = Field(default_factory=dict)
    """By distribution; a key may name several, as in `debian,ubuntu`."""
    service: tuple[Service, ...] = ()
    """Services that it brings."""
    libvirt: SnippetsField = Field(default_factory=Snippets.unwritten)
    """What it needs of the machine that it is applied to."""
    plan: Plan = Field(default_factory=list)
    """What it does, and checks of that."""
    shell: Shell | None = None
    localpkg: Kept = None
    """Kept and not looked into."""
    volume: Kept = None
    """Kept and not looked into."""
    alias: Kept = None
    """Kept and not looked into."""
    security: Kept = None
    """Kept and not looked into."""


@dataclass(frozen=True, slots=True)
class CandyNode:
    """A layer with its name, its steps and its place; files that it copies stand beside it."""

    name: str
    candy: Candy
    steps: tuple[Step, ...]
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class ImageNode:
    """A container image, of which a `bootc` source may make a disk."""

    name: str
    image: Mapping[str, Any]
    file: str
    line: int

    @property
    def bootable(self) -> bool:
        return self.image.get("bootc") is True
