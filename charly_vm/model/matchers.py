"""What a step expects of a value: the conditions that it has to pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator

from charly_vm.model.base import defined_as, show, unknown, wrong
from charly_vm.model.document import KeyPath
from charly_vm.model.spelling import suggestion

OPERATORS = (
    "equals", "not_equals", "contains", "not_contains", "matches", "not_matches",
    "lt", "le", "gt", "ge",
)  # fmt: skip

LISTS = ("contains", "not_contains")
"""Operators whose value may be a list, of which each item counts."""

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison that a value has to pass."""

    operator: str
    value: Scalar


Matcher = tuple[Condition, ...]
"""All of its conditions have to hold."""


def read_matcher(written: object) -> Matcher:
    """A scalar equals; a mapping names its operators; of a list every item has to hold.

    A plain item of a list is contained: nothing equals several values at once.
    """
    return tuple(_conditions(written, "equals", ()))


def read_substrings(written: object) -> Matcher:
    """As `read_matcher`, but a scalar is contained as well."""
    return tuple(_conditions(written, "contains", ()))


def _conditions(written: object, plain: str, at: KeyPath) -> Iterator[Condition]:
    if isinstance(written, list):
        for number, item in enumerate(written):
            if isinstance(item, list):
                raise wrong(((*at, number), "a list of matchers holds no further list"))
            yield from _conditions(item, "contains", (*at, number))
    elif isinstance(written, Mapping):
        if not written:
            raise wrong((at, f"a matcher names its operator: {', '.join(OPERATORS)}"))
        for operator, value in written.items():
            yield from _operation(operator, value, (*at, operator))
    else:
        yield Condition(plain, _scalar(written, at))


def _operation(operator: str, value: object, at: KeyPath) -> Iterator[Condition]:
    if operator not in OPERATORS:
        known = suggestion(operator, OPERATORS) or f"; known are {', '.join(OPERATORS)}"
        raise unknown((at, f"{operator!r} is no matcher{known}"))
    values = value if isinstance(value, list) and operator in LISTS else [value]
    for item in values:
        yield Condition(operator, _scalar(item, at))


def _scalar(value: object, at: KeyPath) -> Scalar:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise wrong((at, f"a matcher compares with text or a number, not {show(value)}"))


_SCALAR: dict[str, Any] = {"type": ["string", "number", "boolean", "null"]}
_OPERATION: dict[str, Any] = {
    "type": "object",
    "minProperties": 1,
    "properties": {
        operator: {"anyOf": [_SCALAR, {"type": "array", "items": _SCALAR}]}
        if operator in LISTS
        else _SCALAR
        for operator in OPERATORS
    },
    "additionalProperties": False,
}
MATCHER_SCHEMA: dict[str, Any] = {
    "anyOf": [
        _SCALAR,
        _OPERATION,
        {"type": "array", "items": {"anyOf": [_SCALAR, _OPERATION]}},
    ]
}

MatcherField = Annotated[Matcher, BeforeValidator(read_matcher), defined_as("Matcher")]
"""A matcher."""
SubstringsField = Annotated[Matcher, BeforeValidator(read_substrings), defined_as("Matcher")]
"""A matcher."""
