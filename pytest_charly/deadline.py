"""Ends a phase that takes longer than it may, with an error that says where it was."""

from __future__ import annotations

import linecache
import sysconfig
from collections.abc import Generator
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType

import pytest

import charly_vm
from charly_vm import parse_duration
from pytest_charly import time_limits
from pytest_charly.chosen import ChosenBeds
from pytest_charly.faults import PhaseTimeout, TimeIsOver
from pytest_charly.options import source_of
from pytest_charly.place import DEPLOYED, place_of
from pytest_charly.time_limits import TimeLimit, limit_of_checks, limit_to_come_up
from pytest_charly.watchdog import Clock, Watchdog

CHECK_AGAIN_SECONDS = 10.0
"""A check that goes on all the same, since it catches everything, is interrupted again after this.
The engine takes up to 7 s to end a process or what it does in a guest."""

CLEAN_UP_SECONDS = 60.0
"""A check's fixtures get at least this to clean up, also where the time of the phase is over."""

ENGINE_AGAIN_SECONDS = 300.0
"""After this the engine's clean-up is taken to hang as well: evidence of a guest that does not
answer is a minute's work, and so is ending one."""

_OURS = (Path(charly_vm.__file__).parent, Path(__file__).parent)
_LIBRARIES = tuple({Path(sysconfig.get_path(name)) for name in sysconfig.get_path_names()})


class Deadlines:
    """Watches the phases of beds, as a plugin for the checks in them."""

    def __init__(self, chosen: ChosenBeds, given: TimeLimit | None, root: Path) -> None:
        self._chosen = chosen
        self._given = given
        self._root = root
        self._watchdog = Watchdog()
        self._clocks: dict[tuple[str, str], Clock] = {}
        """Of the checks, by bed and phase."""

    @classmethod
    def from_config(cls, config: pytest.Config, chosen: ChosenBeds) -> Deadlines:
        return cls(chosen, given_limit(config), config.rootpath)

    @property
    def given(self) -> TimeLimit | None:
        """The limit that the command line or the ini file gives to all beds."""
        return self._given

    def preparing(self, name: str) -> AbstractContextManager[None]:
        """Brackets the engine's preparation of a bed."""
        seconds = time_limits.PREPARATION_SECONDS
        limit = TimeLimit(seconds, time_limits.DEFAULT)
        what = f"{name} had not got its turn and its disk after {limit}"
        return self._watch_engine(seconds, what)

    def coming_up(self, name: str, phase: str) -> AbstractContextManager[None]:
        """Brackets a bed's way to a machine that is ready, the first time or again."""
        limit = limit_to_come_up(self._chosen.find(name).deploy, self._given)
        work = "booting" if phase == DEPLOYED else "the rebuild"
        what = f"{work} had not ended after {limit} and what the host needs beside it"
        return self._watch_engine(limit.seconds + time_limits.HOST_SECONDS, what)

    def require_time(self, place: tuple[str, str]) -> None:
        """Fail the check that is about to begin where those before it have used up the time."""
        if self._clock(place).is_over:
            raise TimeIsOver(f"{self._overrun(place)}; this check and the rest are not run")

    # Inside of all other wrappers, so that what they bracket stays whole.

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        place = place_of(item)
        if place is None or self._clock(place).is_over:
            return (yield)
        with self._watch_check(item, place, self._clock(place)):
            return (yield)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        place = place_of(item)
        if place is None:
            return (yield)
        with self._watch_check(item, place, self._clock(place)):
            return (yield)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, object, object]:
        place = place_of(item)
        if place is None:
            return (yield)
        clock = self._clock(place)
        if clock.left < CLEAN_UP_SECONDS:
            clock = Clock(CLEAN_UP_SECONDS)
        with self._watch_check(item, place, clock):
            return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self) -> None:
        # Nothing of the author's runs now. A watch outlives its block where the time ran out in
        # the very moment of leaving it.
        self._watchdog.end_all()

    def pytest_enter_pdb(self) -> None:
        self._watchdog.pause()

    def pytest_leave_pdb(self) -> None:
        self._watchdog.resume()

    def pytest_unconfigure(self) -> None:
        self._watchdog.close()

    def _watch_engine(self, seconds: float, what: str) -> AbstractContextManager[None]:
        def describe(frame: FrameType | None) -> PhaseTimeout:
            places = _places(frame, _OURS, ())[-3:]
            return PhaseTimeout("\n".join([what, *(f"  charly was at {one}" for one in places)]))

        return self._watchdog.watch(Clock(seconds), describe, again=ENGINE_AGAIN_SECONDS)

    def _watch_check(
        self, item: pytest.Item, place: tuple[str, str], clock: Clock
    ) -> AbstractContextManager[None]:
        def describe(frame: FrameType | None) -> PhaseTimeout:
            file, line, _ = item.reportinfo()
            places: list[str] = []
            # A YAML step has a line of its own, and no Python.
            if isinstance(item, pytest.Function):
                places = _places(frame, (self._root, Path(file).parent), (*_OURS, *_LIBRARIES))
            where = places or [f"{file}:{(line or 0) + 1}: {item.name}"]
            return PhaseTimeout(
                "\n".join([f"{self._overrun(place)}; it was at", *(f"  {one}" for one in where)])
            )

        return self._watchdog.watch(clock, describe, again=CHECK_AGAIN_SECONDS)

    def _overrun(self, place: tuple[str, str]) -> str:
        name, phase = place
        return f"the checks of {name} [{phase}] have taken more than {self._limit(name)}"

    def _clock(self, place: tuple[str, str]) -> Clock:
        return self._clocks.setdefault(place, Clock(self._limit(place[0]).seconds))

    def _limit(self, name: str) -> TimeLimit:
        return limit_of_checks(self._chosen.find(name).deploy, self._given)


def given_limit(config: pytest.Config) -> TimeLimit | None:
    """What `--charly-timeout` says; a bare number is seconds. Raises `pytest.UsageError`."""
    written = config.getoption("charly_timeout")
    if written is None:
        return None
    source = source_of("charly_timeout", config)
    try:
        seconds = parse_duration(f"{written}s" if written.isdigit() else written)
    except ValueError as error:
        raise pytest.UsageError(f"{source}: {error}") from error
    if seconds <= 0:
        raise pytest.UsageError(f"{source}: no phase can be over in no time at all")
    return TimeLimit(seconds, source)


def _places(
    frame: FrameType | None, inside: tuple[Path, ...], outside: tuple[Path, ...]
) -> list[str]:
    """The frames whose files are in one of some directories and in none of others, outermost
    first: file, line, function and source."""
    found: list[str] = []
    while frame is not None:
        file = Path(frame.f_code.co_filename)
        if any(map(file.is_relative_to, inside)) and not any(map(file.is_relative_to, outside)):
            source = linecache.getline(str(file), frame.f_lineno).strip()
            found.insert(0, f"{file}:{frame.f_lineno}: {frame.f_code.co_name}: {source}")
        frame = frame.f_back
    return found
