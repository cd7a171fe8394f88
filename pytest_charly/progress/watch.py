"""What is seen of beds in the process that runs them: which one is up, its checks, its console."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Generator

import pytest

from charly_vm import BedRun, ConsoleLog
from pytest_charly.chosen import ChosenBed
from pytest_charly.console import ConsoleFollower
from pytest_charly.place import place_of
from pytest_charly.progress.bed_progress import BedProgress
from pytest_charly.progress.events import Left, Said, Tell


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
