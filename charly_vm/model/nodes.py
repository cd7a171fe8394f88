"""Every node of a project, whether it runs here or not: what `charly list` shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Node:
    """A name, what it stands for, and where it is written."""

    name: str
    kind: str
    """vm, candy, resource, group, or a kind of the wider ecosystem."""
    file: str
    line: int
    role: str = ""
    """Of a vm: entity, deploy, or overlay (of the per-host file). Of a candy: layer or image."""
    parent: str = ""
    """The node that it stands inside of."""
    skipped: str = ""
    """Why it does not run here, in words for people; empty where it does."""

    @property
    def runs(self) -> bool:
        return not self.skipped
