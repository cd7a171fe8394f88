"""What people see while a bed comes up: progress on the real terminal, past pytest's capture."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from charly_vm import SILENT, Progress, progress_on


def progress_for(config: pytest.Config) -> Progress:
    """The watcher for this run: nothing with -q, and notes alone in an xdist worker.

    To be called while pytest's capture is suspended, as it is in `pytest_configure`.
    """
    if hasattr(config, "workerinput"):
        return Notes()
    if config.get_verbosity() < 0:
        return SILENT
    # Standard output as it is now, before the capture puts a file in its place.
    stream = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", buffering=1)
    return _AfterNewline(progress_on(stream), config)


class Notes:
    """Keeps the notes of a worker, for the controller to print; its phases nobody sees."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    @contextmanager
    def phase(self, text: str) -> Iterator[None]:
        yield

    @contextmanager
    def transfer(self, text: str, total: int | None) -> Iterator[Callable[[int], None]]:
        yield lambda _: None

    def note(self, text: str) -> None:
        self.notes.append(text)


class _AfterNewline:
    """Ends the line of pytest's own progress before ours begins."""

    def __init__(self, inner: Progress, config: pytest.Config) -> None:
        self._inner = inner
        self._config = config

    @contextmanager
    def phase(self, text: str) -> Iterator[None]:
        self._end_line()
        with self._inner.phase(text):
            yield

    @contextmanager
    def transfer(self, text: str, total: int | None) -> Iterator[Callable[[int], None]]:
        self._end_line()
        with self._inner.transfer(text, total) as update:
            yield update

    def note(self, text: str) -> None:
        self._end_line()
        self._inner.note(text)

    def _end_line(self) -> None:
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        capture = self._config.pluginmanager.get_plugin("capturemanager")
        if reporter is None or capture is None:
            return
        with capture.global_and_fixture_disabled():
            reporter.ensure_newline()
            reporter.flush()
