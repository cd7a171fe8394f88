"""`env:`, a list of `K=V` or a mapping: variables with text for values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from charly_vm.model.base import wrong

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_VALUE = {"type": ["string", "number", "boolean", "null"]}


def read_variables(written: Any) -> Any:
    """A mapping whose flags and gaps are text; numbers stay for those who know how they were
    written."""
    if isinstance(written, list):
        pairs: dict[str, str] = {}
        for number, item in enumerate(written):
            name, equals, value = item.partition("=") if isinstance(item, str) else ("", "", "")
            if not equals:
                raise wrong(((number,), "has to be NAME=value"))
            pairs[name] = value
        return pairs
    if isinstance(written, Mapping):
        return {name: _as_text(value) for name, value in written.items()}
    return written


def _as_text(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else value


def _has_names(variables: dict[str, str]) -> dict[str, str]:
    for name in variables:
        if not re.fullmatch(_NAME, name):
            raise wrong(((name,), f"{name!r} cannot be the name of a variable"))
    return variables


def _leaves_path(variables: dict[str, str]) -> dict[str, str]:
    if "PATH" in variables:
        raise wrong((("PATH",), "PATH is added to with path_append, never set"))
    return variables


def _schema(name: str) -> WithJsonSchema:
    return WithJsonSchema(
        {
            "anyOf": [
                {
                    "type": "object",
                    "propertyNames": {"pattern": f"^{name}$"},
                    "additionalProperties": _VALUE,
                },
                {"type": "array", "items": {"type": "string", "pattern": f"^{name}="}},
            ]
        }
    )


_Variables = Annotated[dict[str, str], BeforeValidator(read_variables)]

Environment = Annotated[_Variables, AfterValidator(_has_names), _schema(_NAME)]
"""Variables, `{NAME: value}`. A list of `NAME=value` means the same."""

PathlessEnvironment = Annotated[
    _Variables,
    AfterValidator(_has_names),
    AfterValidator(_leaves_path),
    _schema(rf"(?!PATH$|PATH=){_NAME}"),
]
"""Variables without PATH, `{NAME: value}`. A list of `NAME=value` means the same; `path_append`
adds to PATH."""
