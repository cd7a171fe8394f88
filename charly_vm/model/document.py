"""Reading one YAML file into plain data that knows where each key stands.

YAML 1.1's surprises are switched off: `on` and `yes` stay words, `52:54:00:12:34:56` and `0644`
stay text, dates stay text. Duplicate keys, tags other than YAML's own, recursion and documents
that multiply themselves through aliases are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from charly_vm.errors import Problem, SpecError

Data = dict[str, "Data"] | list["Data"] | str | int | float | bool | None
KeyPath = tuple[str | int, ...]

MOST_DEPTH = 100

MOST_NODES = 200_000
"""A document's size once its aliases are expanded; a project of 5,000 lines has about 20,000."""


TAG = "tag:yaml.org,2002:"
TAGS = {TAG + name for name in ("map", "seq", "str", "null", "bool", "int", "float", "merge")}


class _Loader(yaml.CSafeLoader):
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


_Loader.add_implicit_resolver(
    TAG + "bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_Loader.add_implicit_resolver(
    TAG + "null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]
)
_Loader.add_implicit_resolver(TAG + "merge", re.compile(r"^<<$"), ["<"])
_Loader.add_implicit_resolver(
    TAG + "int",
    re.compile(r"^(?:[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+)$"),
    list("-+0123456789"),
)
_Loader.add_implicit_resolver(
    TAG + "float",
    re.compile(r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$"),
    list("-+0123456789."),
)


@dataclass
class Document:
    """One file: its data, and where each part of it stands.

    `positions` maps a path of keys and indices to the 1-based line and column of the key (or of
    the item, in a list).
    """

    file: Path
    data: Data
    positions: dict[KeyPath, tuple[int, int]]

    def problem(self, path: KeyPath, text: str) -> Problem:
        """A problem at the nearest known position at or above `path`."""
        for length in range(len(path), -1, -1):
            if position := self.positions.get(path[:length]):
                return Problem(str(self.file), *position, text)
        return Problem(str(self.file), 1, 1, text)


def read_document(file: Path) -> Document:
    """Read a file. Raises `SpecError` with every problem that reading alone can find."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        reason = error.strerror or str(error)
        raise SpecError([Problem(str(file), 0, 0, f"cannot be read: {reason}")]) from error
    except UnicodeDecodeError as error:
        raise SpecError([Problem(str(file), 0, 0, f"is not UTF-8: {error.reason}")]) from error
    return parse_document(file, text)


def parse_document(file: Path, text: str) -> Document:
    """As `read_document`, from text; `file` only names it in problems."""
    try:
        _refuse_depth(file, text)
        root = _Loader(text).get_single_node()
    except yaml.YAMLError as error:
        raise SpecError([_yaml_problem(file, error)]) from error
    builder = _Builder(file)
    data = builder.value(root, ()) if root is not None else {}
    if builder.problems:
        raise SpecError(builder.problems)
    return Document(file, data, builder.positions)


def _refuse_depth(file: Path, text: str) -> None:
    # libyaml's composer recurses in C and takes the process down with it; its parser does not.
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MOST_DEPTH:
                text = f"is nested more than {MOST_DEPTH} levels deep"
                raise SpecError([Problem(str(file), *_position(event), text)])
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _Builder:
    """Turns YAML nodes into data, noting positions and problems on the way."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.positions: dict[KeyPath, tuple[int, int]] = {(): (1, 1)}
        self.problems: list[Problem] = []
        self._open: set[int] = set()
        self._count = 0

    def value(self, node: yaml.Node, path: KeyPath) -> Data:
        self.positions.setdefault(path, _position(node))
        self._count += 1
        if self._count > MOST_NODES:
            if self._count == MOST_NODES + 1:
                self._complain(node, f"expands to more than {MOST_NODES} values")
            return None
        if id(node) in self._open:
            self._complain(node, "an alias contains itself")
            return None
        self._open.add(id(node))
        try:
            if node.tag not in TAGS:
                self._complain(node, f"the tag {node.tag} is not allowed")
                return None
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, path)
            if isinstance(node, yaml.SequenceNode):
                return [self.value(item, (*path, i)) for i, item in enumerate(node.value)]
            return self._scalar(node)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> Data:
        result: dict[str, Data] = {}
        merged: dict[str, Data] = {}
        for key_node, value_node in node.value:
            if key_node.tag == TAG + "merge":
                merged = {**self._merged(value_node, path), **merged}
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                self._complain(key_node, "a key has to be a word")
                continue
            key = key_node.value
            if key in result:
                line = self.positions[(*path, key)][0]
                self._complain(key_node, f"the key {key!r} is there already, in line {line}")
                continue
            self.positions[(*path, key)] = _position(key_node)
            result[key] = self.value(value_node, (*path, key))
        return {**{key: value for key, value in merged.items() if key not in result}, **result}

    def _merged(self, node: yaml.Node, path: KeyPath) -> dict[str, Data]:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Data] = {}
        for source in sources:
            data = self.value(source, path)
            if isinstance(data, dict):
                merged = {**data, **merged}
            else:
                self._complain(source, "only a mapping can be merged with <<")
        return merged

    def _scalar(self, node: yaml.Node) -> Data:
        text: str = node.value
        try:
            match node.tag.removeprefix(TAG):
                case "null":
                    return None
                case "bool":
                    return text.lower() == "true"
                case "int":
                    return int(text, 0)
                case "float":
                    return float(text)
        except ValueError:
            # Only an explicit tag, such as !!int, can stand before text that is none.
            self._complain(node, f"{text!r} is no {node.tag.removeprefix(TAG)}")
        return text

    def _complain(self, node: yaml.Node, text: str) -> None:
        self.problems.append(Problem(str(self.file), *_position(node), text))


def _position(node: Any) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _yaml_problem(file: Path, error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    text = getattr(error, "problem", None) or str(error)
    if mark is None:
        return Problem(str(file), 0, 0, f"is not YAML: {text}")
    return Problem(str(file), mark.line + 1, mark.column + 1, f"is not YAML: {text}")
