"""A `Progress` that remembers what it was told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from charly_vm.host.progress import Seen, not_told


class Watcher:
    def __init__(self) -> None:
        self.phases: list[str] = []
        self.notes: list[str] = []
        self.transfers: list[tuple[str, int | None, list[int]]] = []
        """The text, the total, and every number of bytes that was reported."""

    @contextmanager
    def phase(self, text: str) -> Iterator[Seen]:
        self.phases.append(text)
        yield not_told

    @contextmanager
    def transfer(self, text: str, total: int | None) -> Iterator[Callable[[int], None]]:
        done: list[int] = []
        self.transfers.append((text, total, done))
        yield done.append

    def note(self, text: str) -> None:
        self.notes.append(text)
