"""A step of a deploy: what is asked of a guest, and what the answer has to be.

A step is a child node with a `check` (the prose that people read) and one verb. The verb's main
argument is its scalar value and the others stand beside it, or all stand in a mapping:

    sshd-listens: {check: sshd listens, port: 22}
    nothing-failed: {check: …, command: systemctl --failed --no-legend, stdout: ""}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from charly_vm.model.base import Model
from charly_vm.model.quantities import Duration, parse_duration

OPERATORS = (
    "equals", "not_equals", "contains", "not_contains", "matches", "not_matches",
    "lt", "le", "gt", "ge",
)  # fmt: skip

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison that a value has to pass."""

    operator: str
    value: Scalar


Matcher = tuple[Condition, ...]
"""All of its conditions have to hold."""


def read_matcher(written: object) -> Matcher:
    """A scalar equals; a list means that each item is contained; a mapping names its operators."""
    if isinstance(written, Mapping):
        conditions = []
        for operator, value in written.items():
            if operator not in OPERATORS:
                raise ValueError(f"{operator!r} is no matcher; known are {', '.join(OPERATORS)}")
            values = value if isinstance(value, list) and "contains" in operator else [value]
            conditions += [Condition(operator, _scalar(item)) for item in values]
        return tuple(conditions)
    if isinstance(written, list):
        return tuple(Condition("contains", _scalar(item)) for item in written)
    return (Condition("equals", _scalar(written)),)


def _scalar(value: object) -> Scalar:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise ValueError(f"a matcher compares with text or a number, not {value!r}")


MatcherField = Annotated[Matcher, BeforeValidator(read_matcher)]


class Verb(Model):
    """The arguments of one verb; the field called like the verb is its main argument."""

    name: ClassVar[str]


class CommandVerb(Verb):
    """A shell command in the guest, as the account that SSH logs in to."""

    name = "command"
    command: str
    exit_status: MatcherField = (Condition("equals", 0),)
    stdout: MatcherField | None = None
    """Compared without the last line's end."""
    stderr: MatcherField | None = None


class PortVerb(Verb):
    """A TCP port of the guest, as the guest itself sees it."""

    name = "port"
    port: int = Field(ge=1, le=65535)
    listening: bool = True


class ServiceVerb(Verb):
    """A systemd unit."""

    name = "service"
    service: str
    running: bool = True
    enabled: bool | None = None


class FileVerb(Verb):
    """A path in the guest."""

    name = "file"
    file: str
    exists: bool = True
    mode: str | None = Field(default=None, pattern="^0?[0-7]{3,4}$")
    owner: str | None = None
    contains: MatcherField | None = None


VERBS: dict[str, type[Verb]] = {
    verb.name: verb for verb in (CommandVerb, PortVerb, ServiceVerb, FileVerb)
}


class Modifiers(Model):
    """What stands beside every verb."""

    check: str
    timeout: Duration = parse_duration("60s")


@dataclass(frozen=True, slots=True)
class Step:
    """One step, with where it stands. `id` is the name of its node."""

    id: str
    prose: str
    verb: Verb
    timeout: float
    file: str
    line: int


def split_step(written: Mapping[str, Any]) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """The verb's name, its arguments and the modifiers of a step as written.

    Raises `ValueError` where there is not exactly one verb, or where what stands beside it is not
    known.
    """
    verbs = [key for key in written if key in VERBS]
    if len(verbs) != 1:
        found = " and ".join(verbs) if verbs else f"none of {', '.join(VERBS)}"
        raise ValueError(f"a step has exactly one verb; here is {found}")
    [verb] = verbs
    modifiers = {key: value for key, value in written.items() if key in Modifiers.model_fields}
    beside = {k: v for k, v in written.items() if k not in modifiers and k != verb}
    argument = written[verb]
    if isinstance(argument, Mapping):
        if beside:
            raise ValueError(f"{', '.join(beside)}: belongs into the mapping under {verb!r}")
        return verb, dict(argument), modifiers
    return verb, {verb: argument, **beside}, modifiers
