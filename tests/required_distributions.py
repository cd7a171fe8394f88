"""The installed distributions that one requires, directly or not."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator

from packaging.requirements import Requirement


def find_required(name: str, extra: str = "") -> Iterator[importlib.metadata.Distribution]:
    """Those that this environment needs, without the one itself, and with one of its extras."""
    waiting, seen = [name], {name}
    while waiting:
        for text in importlib.metadata.requires(wanting := waiting.pop()) or ():
            requirement = Requirement(text)
            chosen = extra if wanting == name else ""
            if requirement.marker and not requirement.marker.evaluate({"extra": chosen}):
                continue
            if requirement.name not in seen:
                seen.add(requirement.name)
                waiting.append(requirement.name)
                yield importlib.metadata.distribution(requirement.name)
