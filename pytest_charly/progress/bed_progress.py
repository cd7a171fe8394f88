"""The engine's `Progress` for one bed, as events."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from charly_vm import Seen
from pytest_charly.progress.events import Began, Ended, Moved, Noted, Saw, Tell

OFTEN = 0.2
"""Seconds between two events about the bytes of one transfer."""


class BedProgress:
    """The `Progress` of one bed, as the engine knows it."""

    def __init__(self, tell: Tell, bed: str = "", domain: str = "") -> None:
        """`domain` is the name of the bed's machine, which is in most of what the engine says."""
        self.bed = bed
        self.stage = ""
        self._tell = tell
        self._domain = domain
        self._begun = 0
        self._depth = 0

    @contextmanager
    def phase(self, text: str) -> Iterator[Seen]:
        number = self.begin(text)
        last = ""

        def seen(what: str) -> None:
            nonlocal last
            if what != last:
                last = what
                self._tell(Saw(self.bed, number, one_line(what)))

        with self._ended(number):
            yield seen

    @contextmanager
    def transfer(self, text: str, total: int | None) -> Iterator[Callable[[int], None]]:
        number = self.begin(text, moves=True, total=total)
        said, moved = 0.0, 0

        def update(done: int) -> None:
            nonlocal said, moved
            moved = done
            if time.monotonic() - said >= OFTEN:
                said = time.monotonic()
                self._tell(Moved(self.bed, number, done))

        with self._ended(number):
            try:
                yield update
            finally:
                self._tell(Moved(self.bed, number, moved))

    def note(self, text: str) -> None:
        own = f"{self._domain}: " if self._domain else ""
        self._tell(Noted(self.bed, self.stage, one_line(text.removeprefix(own))))

    def begin(self, text: str, *, moves: bool = False, total: int | None = None) -> int:
        """Some work begins; returns the number that `end` wants."""
        self._begun += 1
        what = shorten(text, self._domain)
        self._tell(
            Began(self.bed, self._begun, self.stage, what, self._depth, moves=moves, total=total)
        )
        self._depth += 1
        return self._begun

    def end(self, number: int, seconds: float, *, good: bool) -> None:
        self._depth -= 1
        self._tell(Ended(self.bed, number, seconds, good))

    def see(self, number: int, text: str) -> None:
        self._tell(Saw(self.bed, number, one_line(text)))

    @contextmanager
    def _ended(self, number: int) -> Iterator[None]:
        started, good = time.monotonic(), False
        try:
            yield
            good = True
        finally:
            self.end(number, time.monotonic() - started, good=good)


def shorten(text: str, domain: str) -> str:
    """What the engine does with a machine, where the bed's name stands before it anyway."""
    if domain:
        text = re.sub(rf"(?: (?:of|in|to|from))? {re.escape(domain)}(?![\w-])", "", text)
    return one_line(text)


def one_line(text: str) -> str:
    """As one line that changes nothing about a terminal."""
    return "".join(one for one in " ".join(text.split()) if one.isprintable())
