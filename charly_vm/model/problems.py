"""pydantic's errors as an author's problems: where in the file, and in whose words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from charly_vm.errors import Problem
from charly_vm.model.base import OWN_WORDS, show, unknown_key
from charly_vm.model.document import Document, KeyPath
from charly_vm.model.spelling import find_meant, suggestion

BRANCHES = frozenset(
    {"bool", "constrained-int", "constrained-str", "dict", "float", "int", "list", "none", "str"}
)
"""What pydantic calls the branches of a union that have no tag."""


def problems_of(
    error: ValidationError,
    document: Document,
    at: KeyPath,
    data: Any = None,
    places: Mapping[str, KeyPath] | None = None,
) -> list[Problem]:
    """pydantic's errors for the data at path `at`, as problems with their place in the file.

    `data` is what was validated, where that is not what stands at `at`, and `places` says where
    those of its keys stand that are not below `at`.
    """
    if data is None:
        data = data_at(document.data, at)
    problems = []
    for item in error.errors(include_url=False):
        path = path_in_data(data, item["loc"])
        text = describe(item, path)
        if item["type"] == "union_tag_not_found" and (wrong := _misspelt_tag(item)):
            path, text = (*path, wrong[0]), unknown_key(*wrong)
        problems.append(document.problem(absolute_path(at, path, places), text))
    return problems


def absolute_path(at: KeyPath, path: KeyPath, places: Mapping[str, KeyPath] | None) -> KeyPath:
    """Where something inside validated data stands in the document."""
    if places and path and isinstance(path[0], str) and path[0] in places:
        return (*places[path[0]], *path[1:])
    return (*at, *path)


def _misspelt_tag(item: Any) -> tuple[str, list[str]] | None:
    """The key that was meant to be the one by which a union is told apart, and that one."""
    tag, written = item["ctx"]["discriminator"].strip("'"), item["input"]
    keys = written if isinstance(written, Mapping) else ()
    return next(((key, [tag]) for key in keys if find_meant(key, [tag])), None)


def describe(item: Any, path: KeyPath) -> str:
    """What one of pydantic's errors means to an author: the key in front, none of its jargon."""
    if item["type"] == "unknown_key":
        return str(item["msg"])
    return f"{_name(path)}: {_plain(item)}" if path else _plain(item)


def _name(path: KeyPath) -> str:
    """The last key; an item of a list has its list's, counted from 1 as people count."""
    last = path[-1]
    if isinstance(last, int) and len(path) > 1:
        return f"{path[-2]}, item {last + 1}"
    return str(last)


def data_at(data: Any, path: Iterable[str | int]) -> Any:
    """The part of a document's data at a path."""
    for part in path:
        data = data[part]
    return data


def path_in_data(data: Any, location: tuple[str | int, ...]) -> KeyPath:
    """An error's location without the parts that pydantic adds to the data's own path.

    These are names of union branches, and an index 0 into what is written without the brackets of
    its list. The last part may be a key that is not there.
    """
    return _resolve(data, location)[1]


def _resolve(data: Any, location: tuple[str | int, ...]) -> tuple[int, KeyPath]:
    """The path, and how many parts of the location are not in the data.

    A tagged branch is called as the mapping's own `kind` or `type`. Since a key may have the same
    name, both readings are tried, and the one that explains more of the location is right.
    """
    if not location:
        return 0, ()
    part, rest = location[0], location[1:]
    readings: list[tuple[int, KeyPath]] = []
    is_key = isinstance(data, Mapping) and part in data
    is_item = isinstance(data, list) and isinstance(part, int) and part < len(data)
    if is_key or is_item:
        unexplained, path = _resolve(data[part], rest)
        readings.append((unexplained, (part, *path)))
    if rest and isinstance(data, Mapping) and part in (data.get("kind"), data.get("type")):
        readings.append(_resolve(data, rest))
    if readings:
        return min(readings, key=lambda reading: reading[0])
    if not rest:
        return 1, (part,) if isinstance(part, str) and part not in BRANCHES else ()
    unexplained, path = _resolve(data, rest)
    return unexplained + 1, path


def _plain(item: Any) -> str:
    """pydantic's message in an author's words."""
    written, context = item["input"], item.get("ctx", {})
    match item["type"]:
        case "missing":
            return "is required"
        case "string_type":
            return f"has to be text, not {show(written)}; put it in quotes"
        case "int_type" | "int_parsing" | "int_from_float":
            return f"has to be a whole number, not {show(written)}"
        case "float_type" | "float_parsing":
            return f"has to be a number, not {show(written)}"
        case "bool_type" | "bool_parsing":
            return f"has to be true or false, not {show(written)}"
        case "string_pattern_mismatch":
            return f"{show(written)} does not match {context['pattern']}"
        case "string_too_short" | "too_short":
            return "must not be empty"
        case "less_than_equal":
            return f"has to be at most {context['le']}, not {show(written)}"
        case "greater_than_equal":
            return f"has to be at least {context['ge']}, not {show(written)}"
        case "tuple_type" | "list_type":
            return f"has to be a list, not {show(written)}"
        case "dict_type" | "model_type" | "model_attributes_type":
            return f"has to be a mapping, not {show(written)}"
        case "literal_error":
            expected = context["expected"]
            known = [word.strip("'") for word in expected.replace(" or ", ", ").split(", ")]
            return f"has to be {expected}, not {show(written)}{suggestion(str(written), known)}"
        case "union_tag_invalid":
            tags = [tag.strip("'") for tag in context["expected_tags"].split(", ")]
            key, tag = context["discriminator"].strip("'"), context["tag"]
            near = suggestion(tag, tags)
            return f"{key} {tag!r} is not known{near or '; known are ' + ', '.join(tags)}"
        case "union_tag_not_found":
            return f"needs the key {context['discriminator']}"
    text: str = item["msg"]
    return text if item["type"] in OWN_WORDS else text[:1].lower() + text[1:]
