"""Reading one YAML file into plain data that knows where each key stands.

YAML 1.1's surprises are switched off: `on` and `yes` stay words, `52:54:00:12:34:56` and `0644`
stay text, dates stay text. Duplicate keys, tags other than YAML's own, recursion and documents
that are huge or multiply themselves through aliases are refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from charly_vm.errors import Problem, SpecError
from charly_vm.model.yaml_nodes import (
    MERGE,
    Data,
    Position,
    build,
    compose,
    merge_sources,
    position_of,
)

KeyPath = tuple[str | int, ...]

MOST_BYTES = 8 * 2**20


class Document:
    """One file: its data, and where each part of it stands.

    Places are looked up when somebody asks, since a good project never does for most of them.
    """

    def __init__(self, file: Path, data: Data, root: yaml.Node | None) -> None:
        self.file = file
        self.data = data
        self._root = root
        self._entries: dict[int, dict[str, _Entry]] = {}

    def position(self, path: KeyPath) -> Position:
        """Line and column, from 1, of a key (or an item of a list), or of the nearest one above."""
        return self._find(path)[0]

    def line(self, path: KeyPath) -> int:
        return self.position(path)[0]

    def written(self, path: KeyPath) -> str | None:
        """A scalar as its author wrote it, such as `0x10de` or `1.10`; None for anything else."""
        _, node = self._find(path)
        return node.value if isinstance(node, yaml.ScalarNode) else None

    def problem(self, path: KeyPath, text: str) -> Problem:
        """A problem at the nearest known position at or above `path`."""
        return Problem(str(self.file), *self.position(path), text)

    def _find(self, path: KeyPath) -> tuple[Position, yaml.Node | None]:
        node, position = self._root, (1, 1)
        for part in path:
            if isinstance(node, yaml.MappingNode) and (entry := self._entries_of(node).get(part)):
                position, node = position_of(entry[0]), entry[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
                if part >= len(node.value):
                    return position, None
                node = node.value[part]
                position = position_of(node)
            else:
                return position, None
        return position, node

    def _entries_of(self, node: yaml.MappingNode) -> dict[Any, _Entry]:
        """The nodes of each key and its value; own keys hide those that are merged in."""
        entries = self._entries.get(id(node))
        if entries is None:
            entries = {}
            for key, value in node.value:
                if key.tag != MERGE:
                    entries[key.value] = (key, value)
            for source in merge_sources(node):
                for key, entry in self._entries_of(source).items():
                    entries.setdefault(key, entry)
            self._entries[id(node)] = entries
        return entries


_Entry = tuple[yaml.Node, yaml.Node]


def read_document(file: Path) -> Document:
    """Read a file. Raises `SpecError` with every problem that reading alone can find."""
    try:
        with file.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
        text = content.decode("utf-8-sig")
    except OSError as error:
        reason = error.strerror or str(error)
        raise SpecError([Problem(str(file), 0, 0, f"cannot be read: {reason}")]) from error
    except UnicodeDecodeError as error:
        raise SpecError([Problem(str(file), 0, 0, f"is not UTF-8: {error.reason}")]) from error
    if len(content) > MOST_BYTES:
        raise SpecError([Problem(str(file), 0, 0, f"is larger than {MOST_BYTES // 2**20} MiB")])
    return parse_document(file, text)


def parse_document(file: Path, text: str) -> Document:
    """As `read_document`, from text; `file` only names it in problems."""
    root = compose(file, text)
    return Document(file, build(file, root), root)
