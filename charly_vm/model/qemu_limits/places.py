"""How a field is named to its author."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def name_members(field: str, members: Sequence[T]) -> Iterator[tuple[str, T]]:
    """Each member of a list with its name: `devices.rng`, or `devices.rng[1]` where it has more."""
    for number, member in enumerate(members):
        yield (f"{field}[{number}]" if len(members) > 1 else field), member
