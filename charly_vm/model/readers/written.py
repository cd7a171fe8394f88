"""A node as it is written, once its kind is known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from charly_vm.model.document import KeyPath


@dataclass(frozen=True, slots=True)
class Child:
    """One key of a node, or of the file beside it."""

    name: str
    value: Any
    at: KeyPath


@dataclass(frozen=True, slots=True)
class Written:
    """A node's name, kind, body and children, and the node that it stands inside of."""

    name: str
    kind: str
    value: dict[str, Any]
    at: KeyPath
    parent: str = ""
    beside: Sequence[Child] = ()

    @property
    def body(self) -> Any:
        return self.value[self.kind]

    @property
    def inside(self) -> KeyPath:
        """Where the body stands."""
        return (*self.at, self.kind)

    def children(self) -> Iterator[Child]:
        for key, value in self.value.items():
            if key != self.kind:
                yield Child(key, value, (*self.at, key))
        yield from self.beside
