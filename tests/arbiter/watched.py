"""A `Progress` that remembers its notes."""

from __future__ import annotations

from charly_vm.host.progress import Silent


class Watched(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)
