"""Which beds run and what each of them does, as far as it was told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pytest_charly.progress.events import Began, Ended, Event, Left, Moved, Saw

Key = tuple[str, ...]


@dataclass
class Task:
    """Some work of a bed."""

    number: int
    stage: str
    text: str
    depth: int
    began: float
    """On this process's monotonic clock."""
    last: float | None
    """Seconds that it took last time."""
    moves: bool = False
    total: int | None = None
    done: int = 0
    seen: str = ""
    said: float | None = None
    """When a line spoke of it, where lines are all there is."""


@dataclass
class RunningBed:
    name: str
    tasks: list[Task] = field(default_factory=list)
    """From the outermost to the one that is done now."""


class Board:
    """Told by events. A bed is there from its first event until it is left."""

    def __init__(self, last: Callable[[Key], float | None]) -> None:
        """`last` says how long work took last time, by its bed, stage and text."""
        self._last = last
        self._beds: dict[tuple[str, str], RunningBed] = {}

    @property
    def beds(self) -> list[RunningBed]:
        """Those that run, in the order in which they began."""
        return list(self._beds.values())

    def apply(self, source: str, event: Event, now: float) -> Task | None:
        """Note an event of the process `source`, and return the work that it is about."""
        place = (source, event.bed)
        if isinstance(event, Left):
            self._beds.pop(place, None)
            return None
        if isinstance(event, Began):
            bed = self._beds.setdefault(place, RunningBed(event.bed))
            last = self._last((event.bed, event.stage, event.text))
            task = Task(
                event.number,
                event.stage,
                event.text,
                event.depth,
                now,
                last,
                moves=event.moves,
                total=event.total,
            )
            bed.tasks.append(task)
            return task
        if not isinstance(event, Saw | Moved | Ended):
            return None
        there = self._beds.get(place)
        tasks = there.tasks if there else []
        found = next((one for one in tasks if one.number == event.number), None)
        if there is None or found is None:
            return None
        if isinstance(event, Saw):
            found.seen = event.text
        elif isinstance(event, Moved):
            found.done = event.done
        else:
            tasks.remove(found)
            if not event.bed and not tasks:
                # What is no bed's is over when it has ended.
                del self._beds[place]
        return found

    def forget(self, source: str) -> None:
        """A process has ended, and what it ran with it."""
        for place in [place for place in self._beds if place[0] == source]:
            del self._beds[place]
