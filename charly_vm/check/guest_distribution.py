"""Which distribution a guest has, as it says itself. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GuestDistribution:
    """Its names, the most exact first: debian-13, debian."""

    names: tuple[str, ...]

    def is_one_of(self, written: Iterable[str]) -> bool:
        """Whether one of the names that an author wrote means it."""
        return any(one.lower() in self.names for one in written)

    def choose(self, by_name: Mapping[str, str]) -> str | None:
        """The value under its most exact name; None where there is none."""
        lower = {name.lower(): value for name, value in by_name.items()}
        return next((lower[name] for name in self.names if name in lower), None)


def read_os_release(said: str) -> GuestDistribution:
    """From the text of os-release(5), of which the first assignment of a key counts."""
    found: dict[str, str] = {}
    for line in said.splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key.strip(), _unquote(value))
    identity = found.get("ID", "linux").lower()
    release = found.get("VERSION_ID", "").lower()
    exact = (f"{identity}-{release}",) if release else ()
    return GuestDistribution((*exact, identity, *found.get("ID_LIKE", "").lower().split()))


def _unquote(value: str) -> str:
    try:
        words = shlex.split(value)
    except ValueError:
        return value.strip()
    return words[0] if words else ""
