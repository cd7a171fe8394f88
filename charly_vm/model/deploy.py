"""A deploy: a VM entity put to use, with what may be done to it and the checks it has to pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from charly_vm.model.base import Model, Open, defined_as, wrong
from charly_vm.model.environment import Environment
from charly_vm.model.quantities import Count, Duration, Flag, Size, parse_duration, parse_flag
from charly_vm.model.step import Step

Token = Annotated[str, Field(min_length=1)]
"""A token. It is the name of a scarce resource of the host, such as `nvidia-gpu`."""

Lifecycle = Literal["scratch", "dev", "test", "qa", "staging", "prod", "custom"]

Plan = Annotated[list[dict[str, Any]], defined_as("Plan")]
"""A list of steps, as they are written; `charly_vm.model.readers.steps` reads them."""

Scalar = str | bool | int | float
"""Text, number or flag."""

NO: list[Any] = [False, "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"]


class Ephemeral(Model):
    """A machine that goes away by itself. `true` is one with the usual life, `false` none."""

    ttl: Duration = parse_duration("1h")
    """How long a machine that `--charly-keep` left is there."""
    keep_on_failure: Flag = False
    """Kept; nothing acts on it."""
    naming_pattern: str | None = None
    """Kept; nothing acts on it."""


Command = Annotated[str, Field(min_length=1)]
"""A command of the host's shell."""


class Preemptible(Model):
    """What a running deploy has, and gives up when somebody needs it more: it is stopped, and
    started again afterwards. A list of tokens is one of `holds`."""

    holds: tuple[Token, ...] = ()
    """The tokens that nobody else may have while it runs. Of `ram` and `cpus` it is what its
    machine has."""
    shares: tuple[Token, ...] = ()
    """The tokens that others may have as well while it runs, unless they want them for
    themselves."""
    stop: Literal["shutdown"] | Command = "shutdown"
    """How it is brought to an end: the guest is asked to shut down, or a command of the host's
    shell is run for it. A service that is no machine of ours says `start` and `running` too."""
    start: Command | None = None
    """The command of the host's shell that starts it again."""
    running: Command | None = None
    """The command of the host's shell that succeeds while it runs."""
    unless: Command | None = None
    """A command of the host's shell. While it succeeds the owner is at work, and nothing is given
    up."""
    restore: Literal["always", "on-success"] = "always"
    """Whether it is started again even where the one who needed the token has failed."""
    grace: Duration = parse_duration("2m")
    """How long it may take to stop. One that takes longer keeps what it has, and whoever needs it
    is refused."""

    @property
    def is_service(self) -> bool:
        """Whether commands stop, start and query it."""
        return self.start is not None

    @model_validator(mode="after")
    def _says_all_commands(self) -> Self:
        said = (self.stop != "shutdown", self.start is not None, self.running is not None)
        if any(said) and not all(said):
            text = "`stop`, `start` and `running` are commands together, or none of them is"
            raise wrong((("stop",), text))
        return self

    @model_validator(mode="after")
    def _has_each_token_in_one_way(self) -> Self:
        for token in self.shares:
            if token in self.holds:
                raise wrong(
                    (("shares",), f"{token!r} is in `holds` already; it is one or the other")
                )
        return self


class InstallOpts(Model):
    """What candies may do to the guest. Kept; nothing acts on it."""

    with_service: Flag = False
    """Bring services."""
    allow_repo_changes: Flag = False
    """Add package repositories."""
    allow_root_tasks: Flag = False
    """Run commands as root."""
    skip_incompatible: Flag = False
    """Stay away where the distribution is none of theirs."""
    verify: Flag = False
    """Check what they have done."""
    builder_image: str | None = None
    """The container image in which packages are built."""


class Amounts(Open):
    """How much of the host a deploy claims; of `ram` and `cpus` what its machine has, where nothing
    is said. Any other name is a resource's that has an `amount`, such as the seats of a licence."""

    __pydantic_extra__: dict[str, Count]

    ram: Size | None = None
    """Memory."""
    cpus: Count | None = None
    """CPUs."""

    @property
    def others(self) -> Mapping[str, int]:
        """Amounts of other resources than the host's own."""
        return self.__pydantic_extra__ or {}


def _from_flag(written: object) -> object:
    """`true` is an ephemeral machine with the usual life, `false` is none."""
    if isinstance(written, bool | str):
        return {} if parse_flag(written) else None
    return written


def _from_tokens(written: object) -> object:
    return {"holds": written} if isinstance(written, list) else written


EphemeralField = Annotated[
    Ephemeral | None, BeforeValidator(_from_flag, json_schema_input_type=Ephemeral | Flag | None)
]
PreemptibleField = Annotated[
    Preemptible, BeforeValidator(_from_tokens, json_schema_input_type=Preemptible | list[Token])
]


class Terms(Model):
    """What may be said of a deploy, and of a whole group of them."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {
                "properties": {"ephemeral": {"not": {"enum": [*NO, None]}}},
                "required": ["ephemeral"],
            },
            "then": {"properties": {"disposable": {"not": {"enum": NO}}}},
        }
    )

    disposable: Flag = False
    """Authorises destroying and rebuilding the machine with nobody watching."""
    lifecycle: Lifecycle | None = None
    """A label, which authorises nothing."""
    description: str = ""
    """Prose for people, kept."""
    ephemeral: EphemeralField = None
    """A machine that goes away by itself; implies `disposable`."""
    env: Environment = Field(default_factory=dict)
    """Kept; nothing acts on it."""
    add_candy: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Layers that the guest gets, in this order."""
    install_opts: InstallOpts = Field(default_factory=InstallOpts.unwritten)
    """What layers may do to the guest. Kept; nothing acts on it."""
    requires_exclusive: tuple[Token, ...] = ()
    """What nobody else may have meanwhile."""
    requires_shared: tuple[Token, ...] = ()
    """What others may have as well."""
    requires_amount: Amounts | None = None
    """How much of the host it claims; what its machine has, where nothing is said."""
    preemptible: PreemptibleField | None = None
    """What it gives up when somebody needs it more."""
    plan: Plan = Field(default_factory=list)
    """Steps, after the entity's."""

    @model_validator(mode="after")
    def _wants_each_token_in_one_way(self) -> Self:
        held = (*self.preemptible.holds, *self.preemptible.shares) if self.preemptible else ()
        for token in self.requires_shared:
            if token in self.requires_exclusive:
                text = f"{token!r} is wanted exclusively already; it is one or the other"
                raise wrong((("requires_shared",), text))
        for token in held:
            if token in (*self.requires_exclusive, *self.requires_shared):
                text = f"{token!r} is required by the same deploy; it cannot give it up too"
                raise wrong((("preemptible",), text))
        return self

    @model_validator(mode="after")
    def _is_disposable_if_ephemeral(self) -> Self:
        if self.ephemeral and not self.disposable and "disposable" in self.model_fields_set:
            text = "what is ephemeral is destroyed unattended, which disposable: false forbids"
            raise wrong((("ephemeral",), text))
        return self


class Deploy(Terms):
    """A VM entity put to use, `NAME: {vm: {from: …}}`. With `disposable: true` and checks it is a
    bed."""

    entity: str = Field(alias="from", min_length=1)
    """The entity."""
    ram: Size | None = None
    """In place of the entity's."""
    cpus: Count | None = None
    """In place of the entity's `cpu`."""
    disk_size: Size | None = None
    """In place of the entity's."""
    from_snapshot: str | None = None
    """The snapshot that the machine begins with."""
    cloud_init_clean: Flag = False
    """Have the machine's first boot be a first boot for cloud-init too."""
    vm_state: Annotated[Any, WithJsonSchema({})] = None
    """Written by the Go original; read and ignored."""
    fresh: Literal["template", "boot", "build"] | None = None
    """How a fresh machine is made: cloned from a template, booted, or with its disk built. A bed
    with `template` or `build` is refused, since this version does not carry them out."""
    timeout: Duration = parse_duration("10m")
    """How long a machine may take from power-on until it is ready, and a bed's checks of one phase
    together; these have an hour where nothing is said."""
    matrix: Mapping[str, Annotated[tuple[Scalar, ...], Field(min_length=1)]] = Field(
        default_factory=dict
    )
    """Values to run the deploy with, each combination by itself."""


@dataclass(frozen=True, slots=True)
class ServiceNode:
    """A deploy of a kind that does not run here, and that says how it gives way all the same."""

    name: str
    preemptible: Preemptible
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class DeployNode:
    """A deploy with its name and its steps, in the file's order."""

    name: str
    deploy: Deploy
    steps: tuple[Step, ...]
    file: str
    line: int
    parent: str = ""
    """The node that it stands inside of: a group whose member it is, or another deploy."""
    entity: str = ""
    """The whole name of its entity; empty where that is behind a reference nobody has fetched."""

    @property
    def disposable(self) -> bool:
        """Whether it may be destroyed and rebuilt unattended; ephemeral implies it."""
        return self.deploy.disposable or self.deploy.ephemeral is not None
