"""Small pieces of JSON Schema from which larger ones are put together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Schema = dict[str, Any]
Case = tuple[Schema, Schema | bool]


def ref(name: str) -> Schema:
    """What is defined under a name."""
    return {"$ref": f"#/$defs/{name}"}


def has_any(keys: Iterable[str]) -> Schema:
    """A mapping with at least one of these keys."""
    return {"anyOf": [{"required": [key]} for key in keys]}


def has_only(keys: Iterable[str]) -> Schema:
    """A mapping of exactly one key, which is one of these."""
    return {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "propertyNames": {"enum": list(keys)},
    }


def chain(cases: Sequence[Case], otherwise: Schema | bool) -> Schema | bool:
    """The first case that applies decides."""
    schema = otherwise
    for condition, then in reversed(cases):
        schema = {"if": condition, "then": then, "else": schema}
    return schema
