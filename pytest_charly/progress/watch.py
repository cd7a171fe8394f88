"""What is seen of beds in the process that runs them: the engine's `Progress`, checks, consoles."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager

import pytest

from charly_vm import BedRun, ConsoleLog, Seen
from pytest_charly.chosen import ChosenBed
from pytest_charly.console import ConsoleFollower
from pytest_charly.place import place_of
from pytest_charly.progress.events import Began, Ended, Left, Moved, Noted, Said, Saw, Tell

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


class Watch:
    """Registered for the length of a run, in each process that runs beds: one after the other."""

    def __init__(self, tell: Tell, *, console: bool = False) -> None:
        self.progress = BedProgress(tell)
        """For what is done before and beside beds."""
        self._tell = tell
        self._console = console
        self._follower: ConsoleFollower | None = None
        self._bed = BedProgress(tell)
        self._stage = ""
        self._items: Counter[tuple[str, str]] = Counter()
        self._checks: _Checks | None = None

    def of(self, bed: ChosenBed) -> BedProgress:
        """The progress of a bed that comes up."""
        self._bed = BedProgress(self._tell, bed.name, bed.target.domain)
        self._bed.stage = self._stage
        return self._bed

    def follow(self, run: BedRun) -> None:
        """Show what the guest says on its console, where that was asked for."""
        if self._console:
            bed = self._bed.bed
            self._follower = ConsoleFollower(
                ConsoleLog(run.console_log),
                lambda said: self._tell(Said(bed, tuple(said))),
            )

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._items = Counter(place for item in session.items if (place := place_of(item)))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None]:
        if place := place_of(item):
            self._stage = place[1]
            if place[0] == self._bed.bed:
                self._bed.stage = place[1]
        return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        if place := place_of(item):
            self._checks = self._checks or _Checks(self._bed, self._items[place])
            self._checks.next(item.name.removesuffix(f"[{place[1]}]"))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self._checks and report.failed:
            self._checks.good = False

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None]:
        here, there = place_of(item), place_of(nextitem) if nextitem else None
        if here and here != there:
            self._end_checks(whole=True)
        is_left = here is not None and (there is None or there[0] != here[0])
        if is_left:
            self._bed.stage = ""
        try:
            return (yield)
        finally:
            if is_left:
                self._leave()

    # Around those who leave the bed that is up after -x or Ctrl-C, and before pytest's summary.
    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self) -> Generator[None]:
        # After -x or Ctrl-C, or there would be none left to end.
        self._end_checks(whole=False)
        self._bed.stage = ""
        try:
            return (yield)
        finally:
            self._leave()

    def _end_checks(self, *, whole: bool) -> None:
        if self._checks:
            self._checks.end(whole=whole)
            self._checks = None

    def _leave(self) -> None:
        follower, self._follower = self._follower, None
        if follower:
            follower.stop()
        if self._bed.bed:
            self._tell(Left(self._bed.bed))
            self._bed = BedProgress(self._tell)


class _Checks:
    """The checks of one phase, from the first to the last."""

    def __init__(self, progress: BedProgress, count: int) -> None:
        self.good = True
        self._progress = progress
        self._done = 0
        self._started = time.monotonic()
        self._number = progress.begin(f"{count} check{'' if count == 1 else 's'}")

    def next(self, name: str) -> None:
        self._done += 1
        self._progress.see(self._number, f"{self._done}. {name}")

    def end(self, *, whole: bool) -> None:
        # Which check was the last says nothing about how all of them went.
        self._progress.see(self._number, "")
        self._progress.end(self._number, time.monotonic() - self._started, good=whole and self.good)


def shorten(text: str, domain: str) -> str:
    """What the engine does with a machine, where the bed's name stands before it anyway."""
    if domain:
        text = re.sub(rf"(?: (?:of|in|to|from))? {re.escape(domain)}(?![\w-])", "", text)
    return one_line(text)


def one_line(text: str) -> str:
    """As one line that changes nothing about a terminal."""
    return "".join(one for one in " ".join(text.split()) if one.isprintable())
