"""How one who waits learns of a change: a touch, a death, or its own look where nobody tells it."""

from __future__ import annotations

import errno
import os
import threading
import time
from pathlib import Path

import pytest

import charly_vm.arbiter.wakeup as wakeup_module
from charly_vm.arbiter.liveness import Liveness, is_alive
from charly_vm.arbiter.wakeup import Wakeup
from charly_vm.host.file_events import FileEvent, FileEvents

LONG = 60.0
"""Nobody waits for so long: what is waited for has happened."""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.lock"
    path.touch()
    return path


@pytest.fixture
def other(tmp_path: Path) -> Liveness:
    (tmp_path / "other.json").touch()
    return Liveness(tmp_path / "other.lock")


def returns(wakeup: Wakeup, seconds: float) -> bool:
    """Whether it comes back before its time is over."""
    before = time.monotonic()
    wakeup.wait(seconds)
    return time.monotonic() - before < seconds


def test_a_touch_before_the_wait_is_not_missed(own: Path) -> None:
    with Wakeup(own) as wakeup:
        os.utime(own)
        assert returns(wakeup, LONG)
        assert not returns(wakeup, 0.05)


def test_a_touch_ends_the_wait(own: Path) -> None:
    with Wakeup(own) as wakeup:
        touch = threading.Timer(0.05, os.utime, [own])
        touch.start()
        assert returns(wakeup, LONG)
        touch.join()


def test_a_death_ends_the_wait_once_the_lock_is_dropped(own: Path, other: Liveness) -> None:
    with Wakeup(own) as wakeup:
        assert wakeup.watch_other(other.path)
        assert not wakeup.watch_other(other.path)
        other.close()
        assert returns(wakeup, LONG)
        assert not is_alive(other.path)


def test_one_who_leaves_properly_wakes_only_those_that_it_touches(
    own: Path, other: Liveness
) -> None:
    with Wakeup(own) as wakeup:
        wakeup.watch_other(other.path)
        other.path.with_suffix(".json").unlink()
        other.path.unlink()
        other.close()
        assert not returns(wakeup, 0.05)


def test_whether_the_other_lives_may_be_asked_without_an_alarm(own: Path, other: Liveness) -> None:
    with Wakeup(own) as wakeup, other:
        wakeup.watch_other(other.path)
        assert is_alive(other.path)
        assert not returns(wakeup, 0.05)


def test_one_who_is_gone_already_is_no_error(own: Path, tmp_path: Path) -> None:
    with Wakeup(own) as wakeup:
        wakeup.watch_other(tmp_path / "gone.lock")
        assert not returns(wakeup, 0.05)


def test_without_a_watch_to_be_had_it_looks_by_itself(
    own: Path, other: Liveness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(wakeup_module, "FileEvents", none_left)
    with Wakeup(own) as wakeup:
        wakeup.watch_other(other.path)
        # What was touched before the first look counts, since nobody knows when that was.
        assert returns(wakeup, LONG)
        wakeup.wait(0.05)
        assert not returns(wakeup, 0.3)
        os.utime(own)
        assert returns(wakeup, LONG)
        wakeup.wait(0.05)
        other.close()
        assert returns(wakeup, LONG)
        assert not returns(wakeup, 0.3)
        own.unlink()
        assert returns(wakeup, LONG)


def test_with_too_many_watches_it_looks_by_itself(
    own: Path, other: Liveness, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Few(FileEvents):
        def watch(self, path: Path, events: FileEvent) -> bool:
            if path != own:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().watch(path, events)

    monkeypatch.setattr(wakeup_module, "FileEvents", Few)
    with Wakeup(own) as wakeup, other:
        wakeup.watch_other(other.path)
        assert returns(wakeup, LONG)
