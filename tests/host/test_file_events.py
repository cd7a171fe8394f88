"""What the kernel tells of files, and what it does not."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from charly_vm.host.file_events import FileEvent, FileEvents

LONG = 60.0


@pytest.fixture
def events() -> FileEvents:
    return FileEvents()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "x"
    path.touch()
    return path


def test_what_happens_is_told_with_its_kind(events: FileEvents, file: Path) -> None:
    assert events.watch(file, FileEvent.TOUCHED | FileEvent.CLOSED)
    os.utime(file)
    assert events.wait(LONG) == {file: FileEvent.TOUCHED}
    file.write_text("x")
    assert events.wait(LONG) == {file: FileEvent.CLOSED}
    events.close()


def test_several_events_of_a_file_are_one_answer(events: FileEvents, file: Path) -> None:
    events.watch(file, FileEvent.TOUCHED | FileEvent.CLOSED)
    file.write_text("x")
    os.utime(file)
    assert events.wait(LONG) == {file: FileEvent.TOUCHED | FileEvent.CLOSED}


def test_only_what_was_asked_for_is_told(events: FileEvents, file: Path) -> None:
    events.watch(file, FileEvent.CLOSED)
    os.utime(file)
    file.read_text()
    assert events.wait(0) == {}


def test_a_file_that_others_still_have_open_is_not_closed(events: FileEvents, file: Path) -> None:
    descriptor = os.open(file, os.O_RDWR)
    events.watch(file, FileEvent.CLOSED)
    again = os.dup(descriptor)
    os.close(descriptor)
    assert events.wait(0) == {}
    os.close(again)
    assert events.wait(LONG) == {file: FileEvent.CLOSED}


def test_files_that_are_not_there_are_not_watched(events: FileEvents, tmp_path: Path) -> None:
    assert not events.watch(tmp_path / "none", FileEvent.CLOSED)
    assert events.wait(0) == {}


def test_the_end_of_a_watch_with_its_file_is_no_event(events: FileEvents, file: Path) -> None:
    events.watch(file, FileEvent.CLOSED)
    file.unlink()
    assert events.wait(0) == {}
    file.touch()
    assert events.watch(file, FileEvent.CLOSED)
    file.write_text("x")
    assert events.wait(LONG) == {file: FileEvent.CLOSED}


def test_no_more_of_them_is_an_os_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's answer, given without using up what the account's other programs need."""
    import ctypes

    class NoneLeft:
        def __init__(self, name: None, use_errno: bool) -> None:
            pass

        def inotify_init1(self, flags: int) -> int:
            ctypes.set_errno(errno.EMFILE)
            return -1

    monkeypatch.setattr(ctypes, "CDLL", NoneLeft)
    with pytest.raises(OSError, match="Too many open files") as raised:
        FileEvents()
    assert raised.value.errno == errno.EMFILE
