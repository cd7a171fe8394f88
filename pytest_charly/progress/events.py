"""What a bed tells while it runs, as values that can be sent from one process to another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Event:
    bed: str
    """The bed's whole name; empty for what is done before any bed."""


@dataclass(frozen=True)
class Began(Event):
    """Some work, of which there may be more inside."""

    number: int
    """Which work of the bed this is; later events name it so."""
    stage: str
    """`deployed`, `rebuilt`, or empty once the checks are over."""
    text: str
    depth: int
    """How much other work this is inside of."""
    moves: bool = False
    """Whether it is a transfer, of `total` bytes where that is known."""
    total: int | None = None


@dataclass(frozen=True)
class Saw(Event):
    """What the work waits for is not there yet; what was seen instead."""

    number: int
    text: str


@dataclass(frozen=True)
class Moved(Event):
    number: int
    done: int
    """Bytes so far."""


@dataclass(frozen=True)
class Ended(Event):
    number: int
    seconds: float
    good: bool


@dataclass(frozen=True)
class Noted(Event):
    """One line that people should see."""

    stage: str
    text: str


@dataclass(frozen=True)
class Said(Event):
    """Lines of the guest's console."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Left(Event):
    """The bed does not run any more."""


Tell = Callable[[Event], None]

_KINDS: dict[str, type[Event]] = {
    kind.__name__: kind for kind in (Began, Saw, Moved, Ended, Noted, Said, Left)
}


def encode(event: Event) -> dict[str, Any]:
    """Of plain types alone, which execnet can send."""
    return {"kind": type(event).__name__, **asdict(event)}


def decode(data: dict[str, Any]) -> Event:
    fields = dict(data)
    return _KINDS[fields.pop("kind")](**fields)
