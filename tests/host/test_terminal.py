"""Progress in a pipe and on a terminal. The terminal is a real pseudo-terminal."""

from __future__ import annotations

import io
import os
import pty
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import pytest

from charly_vm.host.terminal import PlainProgress, TerminalProgress, progress_on


def test_a_pipe_gets_a_line_at_the_start_and_one_at_the_end() -> None:
    stream = io.StringIO()
    progress = progress_on(stream)
    with progress.phase("booting x"):
        progress.note("by qemu")
    lines = stream.getvalue().splitlines()
    assert lines[:2] == ["booting x ...", "by qemu"]
    assert re.fullmatch(r"booting x: done in \d\.\d s", lines[2])


def test_a_phase_that_fails_is_not_called_done() -> None:
    stream = io.StringIO()
    with pytest.raises(ZeroDivisionError), PlainProgress(stream).phase("booting x"):
        raise ZeroDivisionError
    assert stream.getvalue().splitlines() == ["booting x ..."]


def test_a_transfer_in_a_pipe_says_how_much_it_was() -> None:
    stream = io.StringIO()
    with PlainProgress(stream).transfer("fetching y", 2048) as update:
        update(1024)
        update(2048)
    first, last = stream.getvalue().splitlines()
    assert first == "fetching y (2.0 KiB) ..."
    assert last.startswith("fetching y: 2.0 KiB in ")


class Screen:
    """What was written to a pseudo-terminal."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.text = ""


@contextmanager
def terminal() -> Iterator[Screen]:
    ours, theirs = pty.openpty()
    screen = Screen(os.fdopen(theirs, "w"))

    def read() -> None:
        while True:
            try:
                data = os.read(ours, 65536)
            except OSError:
                return
            screen.text += data.decode()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield screen
    finally:
        # The kernel ends the reader's read once nobody can write any more.
        screen.stream.close()
        reader.join(5)
        os.close(ours)


def test_a_terminal_gets_a_live_line_and_a_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with terminal() as screen:
        progress = progress_on(screen.stream)
        assert isinstance(progress, TerminalProgress)
        with progress.phase("waiting for SSH") as seen:
            seen("no [banner] yet")
        with progress.phase("disk of [debian]"), progress.transfer("fetching z", 4096) as update:
            update(4096)
            progress.note("a note")
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.text)
    assert re.search(r"waiting for SSH +no \[banner\] yet +0:00:00", plain)
    assert "a note" in plain
    assert re.search(r"✓ fetching z +\d\.\d s", plain)
    assert re.search(r"✓ disk of \[debian\] +\d\.\d s", plain)
    assert "4.0/4.0 KiB" in plain


def test_a_terminal_marks_a_phase_that_fails_and_shows_its_cursor_again() -> None:
    with (
        terminal() as screen,
        pytest.raises(ZeroDivisionError),
        TerminalProgress(screen.stream).phase("booting x"),
    ):
        raise ZeroDivisionError
    assert "✗" in screen.text
    assert screen.text.rindex("\x1b[?25h") > screen.text.rindex("\x1b[?25l")
