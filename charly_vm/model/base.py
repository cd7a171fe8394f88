"""The base of every model: frozen, closed, and helpful about a misspelt key."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from charly_vm.errors import Problem
from charly_vm.model.document import Document, KeyPath


class Model(BaseModel):
    """A value that an author writes; an unknown key is an error that names the nearest one."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    @model_validator(mode="wrap")
    @classmethod
    def _suggest_keys(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(value)
        except ValidationError as error:
            details = [cls._improve(item) for item in error.errors(include_url=False)]
            raise ValidationError.from_exception_data(error.title, details) from None

    @classmethod
    def _improve(cls, item: Any) -> InitErrorDetails:
        location = item["loc"]
        if item["type"] == "extra_forbidden" and len(location) == 1:
            known = [field.alias or name for name, field in cls.model_fields.items()]
            text = unknown_key(str(location[0]), known)
            return {
                "type": PydanticCustomError("unknown_key", "{text}", {"text": text}),
                "loc": location,
                "input": item["input"],
            }
        # What a validator raised itself has to be handed on as it is, with its own words.
        context = item.get("ctx", {})
        kind: Any = item["type"]
        if kind in ("value_error", "assertion_error", "unknown_key"):
            text = str(context.get("error", context.get("text", item["msg"])))
            kind = PydanticCustomError(kind, "{text}", {"text": text})
        details: InitErrorDetails = {"type": kind, "loc": location, "input": item["input"]}
        if context and isinstance(kind, str):
            details["ctx"] = context
        return details


def unknown_key(wrong: str, known: Iterable[str]) -> str:
    """The message for a key that is not known, with the nearest one that is."""
    choices = sorted(known)
    close = difflib.get_close_matches(wrong, choices, n=1, cutoff=0.6)
    if close:
        return f"unknown key {wrong!r}; did you mean {close[0]!r}?"
    return f"unknown key {wrong!r}; known are {', '.join(choices)}"


def problems_of(error: ValidationError, document: Document, at: KeyPath) -> list[Problem]:
    """pydantic's errors for the data at path `at`, as problems with their place in the file."""
    problems = []
    for item in error.errors(include_url=False):
        path = _path_in_data(_data_at(document.data, at), item["loc"])
        key = f"{path[-1]}: " if path and item["type"] != "unknown_key" else ""
        problems.append(document.problem((*at, *path), f"{key}{_plain(item)}"))
    return problems


def _plain(item: Any) -> str:
    """pydantic's message without its jargon."""
    match item["type"]:
        case "missing":
            return "is required"
        case "string_type":
            return f"has to be text, not {item['input']!r}; put it in quotes"
        case "union_tag_invalid":
            context = item["ctx"]
            return (
                f"{context['discriminator'].strip(chr(39))} {context['tag']!r} is not known; "
                f"known are {context['expected_tags']}"
            )
        case "union_tag_not_found":
            return f"needs the key {item['ctx']['discriminator']}"
    text: str = item["msg"]
    return text[:1].lower() + text[1:]


def _data_at(data: Any, path: Iterable[str | int]) -> Any:
    for part in path:
        data = data[part]
    return data


def _path_in_data(data: Any, location: tuple[str | int, ...]) -> KeyPath:
    """An error's location without the union tags that pydantic puts into it.

    A tag equals the mapping's own `kind`; since a key may have the same name, a part is taken
    for a tag once per mapping, and only where the mapping says so.
    """
    path: list[str | int] = []
    tag_passed = False
    for part in location:
        if isinstance(data, Mapping) and data.get("kind") == part and not tag_passed:
            tag_passed = True
            continue
        path.append(part)
        tag_passed = False
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            data = None
    return tuple(path)
