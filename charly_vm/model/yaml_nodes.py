"""From text to YAML's nodes, and from those to plain data, with every trap on the way closed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from charly_vm.errors import Problem, SpecError

Data = dict[str, "Data"] | list["Data"] | str | int | float | bool | None
Position = tuple[int, int]

MOST_DEPTH = 100

MOST_NODES = 200_000
"""A document's size once its aliases are expanded; a project of 5,000 lines has about 20,000."""

TAG = "tag:yaml.org,2002:"
MERGE = TAG + "merge"
STRING = TAG + "str"
TAGS = {TAG + name for name in ("map", "seq", "str", "null", "bool", "int", "float", "merge")}


class Loader(yaml.CSafeLoader):
    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        """The tag of a node without one, by our own resolvers and nothing else."""
        if kind is not yaml.ScalarNode:
            return TAG + ("seq" if kind is yaml.SequenceNode else "map")
        if implicit[0]:
            for tag, pattern in self.yaml_implicit_resolvers.get(value[:1], ()):
                if pattern.match(value):
                    return tag
        return STRING

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:
        """Resolving by path is not used, and costs time at every node."""

    def ascend_resolver(self) -> None:
        """As above."""


Loader.add_implicit_resolver(
    TAG + "bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
Loader.add_implicit_resolver(
    TAG + "null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]
)
Loader.add_implicit_resolver(MERGE, re.compile(r"^<<$"), ["<"])
Loader.add_implicit_resolver(
    TAG + "int",
    re.compile(r"^(?:[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+)$"),
    list("-+0123456789"),
)
Loader.add_implicit_resolver(
    TAG + "float",
    re.compile(r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$"),
    list("-+0123456789."),
)


def compose(file: Path, text: str) -> yaml.Node | None:
    """The root of a document, None for an empty one; `file` only names it in problems."""
    try:
        _refuse_size(file, text)
        root: yaml.Node | None = Loader(text).get_single_node()
    except yaml.YAMLError as error:
        raise SpecError([_yaml_problem(file, text, error)]) from error
    return root


def build(file: Path, root: yaml.Node | None) -> Data:
    """The data of a document. Raises `SpecError` with every problem in it."""
    if root is None:
        return {}
    builder = _Builder(file)
    data = builder.value(root)
    if builder.problems:
        raise SpecError(builder.problems)
    return data


def merge_sources(node: yaml.MappingNode) -> Iterator[yaml.MappingNode]:
    """What `<<` names, the first one first."""
    for key, value in node.value:
        if key.tag == MERGE:
            yield from value.value if isinstance(value, yaml.SequenceNode) else [value]


def _refuse_size(file: Path, text: str) -> None:
    # libyaml's composer recurses in C and takes the process down with it; its parser does not.
    depth = count = 0
    for event in yaml.parse(text, Loader=Loader):
        if isinstance(event, yaml.NodeEvent):
            count += 1
            if count > MOST_NODES:
                raise SpecError(
                    [Problem(str(file), *position_of(event), f"has more than {MOST_NODES} values")]
                )
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MOST_DEPTH:
                text = f"is nested more than {MOST_DEPTH} levels deep"
                raise SpecError([Problem(str(file), *position_of(event), text)])
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _Builder:
    """Turns YAML nodes into data, noting problems on the way."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self._open: set[int] = set()
        self._count = 0

    def value(self, node: yaml.Node) -> Data:
        self._count += 1
        if self._count > MOST_NODES:
            if self._count == MOST_NODES + 1:
                self._complain(node, f"expands to more than {MOST_NODES} values")
            return None
        if node.tag == STRING and isinstance(node, yaml.ScalarNode):
            text: str = node.value
            return text
        if node.tag not in TAGS:
            self._complain(node, f"the tag {node.tag} is not allowed")
            return None
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if id(node) in self._open:
            self._complain(node, "an alias contains itself")
            return None
        self._open.add(id(node))
        if isinstance(node, yaml.MappingNode):
            result: Data = self._mapping(node)
        else:
            result = [self.value(item) for item in node.value]
        self._open.discard(id(node))
        return result

    def _mapping(self, node: yaml.MappingNode) -> dict[str, Data]:
        result: dict[str, Data] = {}
        merges = False
        for key_node, value_node in node.value:
            if key_node.tag == MERGE:
                merges = True
            elif not isinstance(key_node, yaml.ScalarNode):
                self._complain(key_node, "a key has to be a word")
            elif (key := key_node.value) in result:
                line = next(one.start_mark.line for one, _ in node.value if one.value == key)
                text = f"the key {key!r} is there already, in line {line + 1}"
                self._complain(key_node, text)
            else:
                result[key] = self.value(value_node)
        return {**self._merged(node, result), **result} if merges else result

    def _merged(self, node: yaml.MappingNode, own: dict[str, Data]) -> dict[str, Data]:
        """What `<<` adds: the keys that are not the mapping's own, of several sources the first."""
        merged: dict[str, Data] = {}
        for source in merge_sources(node):
            if not isinstance(source, yaml.MappingNode):
                self._complain(source, "only a mapping can be merged with <<")
                continue
            data = self.value(source)
            if isinstance(data, dict):
                merged = {**data, **merged}
        return {key: value for key, value in merged.items() if key not in own}

    def _scalar(self, node: yaml.ScalarNode) -> Data:
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
            # An explicit tag, such as !!int, before text that is none; or thousands of digits.
            self._complain(node, f"{text[:40]!r} is no {node.tag.removeprefix(TAG)}")
        return text

    def _complain(self, node: yaml.Node, text: str) -> None:
        self.problems.append(Problem(str(self.file), *position_of(node), text))


def position_of(node: Any) -> Position:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _yaml_problem(file: Path, text: str, error: yaml.YAMLError) -> Problem:
    if isinstance(error, yaml.reader.ReaderError):
        before = text[: error.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        return Problem(str(file), line, column, f"is not YAML: {error.reason}")
    mark = getattr(error, "problem_mark", None)
    reason = getattr(error, "problem", None) or str(error).splitlines()[0]
    if mark is None:
        return Problem(str(file), 0, 0, f"is not YAML: {reason}")
    return Problem(str(file), mark.line + 1, mark.column + 1, f"is not YAML: {reason}")
