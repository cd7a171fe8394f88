"""A deploy: a VM entity put to use, with what may be done to it and the checks it has to pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from charly_vm.model.base import Model, defined_as, wrong
from charly_vm.model.environment import Environment
from charly_vm.model.quantities import Count, Duration, Flag, Size, parse_duration, parse_flag
from charly_vm.model.step import Step

Token = Annotated[str, Field(min_length=1)]
"""The name of a scarce resource of the host."""

Lifecycle = Literal["scratch", "dev", "test", "qa", "staging", "prod", "custom"]

Plan = Annotated[list[dict[str, Any]], defined_as("Plan")]
"""Steps as they are written; `charly_vm.model.readers.steps` reads them."""

Scalar = str | bool | int | float

NO: list[Any] = [False, "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"]


class Ephemeral(Model):
    """A machine that goes away by itself."""

    ttl: Duration = parse_duration("1h")
    keep_on_failure: Flag = False
    naming_pattern: str | None = None


class Preemptible(Model):
    """What a running deploy holds, and gives up when somebody needs it more."""

    holds: tuple[Token, ...] = ()
    stop: Literal["shutdown"] = "shutdown"
    restore: Literal["always", "on-success"] = "always"
    grace: Duration | None = None
    """How long the guest may take to shut down."""


class InstallOpts(Model):
    """What candies may do to the guest."""

    with_service: Flag = False
    allow_repo_changes: Flag = False
    allow_root_tasks: Flag = False
    skip_incompatible: Flag = False
    verify: Flag = False
    builder_image: str | None = None


class Amounts(Model):
    """How much of the host a deploy claims; what its machine has, where nothing is said."""

    ram: Size | None = None
    cpus: Count | None = None


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
    ephemeral: EphemeralField = None
    env: Environment = Field(default_factory=dict)
    add_candy: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    install_opts: InstallOpts = Field(default_factory=InstallOpts)
    requires_exclusive: tuple[Token, ...] = ()
    requires_shared: tuple[Token, ...] = ()
    requires_amount: Amounts | None = None
    preemptible: PreemptibleField | None = None
    plan: Plan = Field(default_factory=list)

    @model_validator(mode="after")
    def _wants_each_token_in_one_way(self) -> Self:
        held = self.preemptible.holds if self.preemptible else ()
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
    """What stands under `vm:` in a node that names its entity with `from`."""

    entity: str = Field(alias="from", min_length=1)
    ram: Size | None = None
    cpus: Count | None = None
    disk_size: Size | None = None
    from_snapshot: str | None = None
    cloud_init_clean: Flag = False
    vm_state: Annotated[Any, WithJsonSchema({})] = None
    """Written by the Go original; read and ignored."""
    fresh: Literal["template", "boot", "build"] | None = None
    """How a fresh machine is made: cloned from a template, booted, or with its disk built."""
    timeout: Duration = parse_duration("10m")
    """How long a machine may take from power-on until it is ready, and a bed's checks of one phase
    together; these have an hour where nothing is said."""
    matrix: Mapping[str, Annotated[tuple[Scalar, ...], Field(min_length=1)]] = Field(
        default_factory=dict
    )
    """Values to run the deploy with, each combination by itself."""


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
