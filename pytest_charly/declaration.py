"""How a test module says which bed its tests belong to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bed:
    """The deploy of that name in charly.yml; a module-level variable of any name holds it."""

    name: str
