"""Which parts of progress a pytest run needs: a worker sends, and who has the terminal shows."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Generator
from typing import Any, TextIO

import pytest

from charly_vm import Durations, survey
from pytest_charly.progress.channel import CHANNEL, Uplink
from pytest_charly.progress.display import Detail, Display
from pytest_charly.progress.events import Event
from pytest_charly.progress.lines import Look
from pytest_charly.progress.screen import PytestsFile, Screen
from pytest_charly.progress.watch import Watch


def watch_for(config: pytest.Config) -> tuple[Watch, DisplayPlugin | None]:
    """What sees the beds of this process, and, unless it is a worker, what shows them.

    To be called while pytest's capture is suspended, as it is in `pytest_configure`.
    """
    console = bool(config.getoption("charly_console"))
    if config.option.collectonly:
        return Watch(_drop), None
    if hasattr(config, "workerinput"):
        return Watch(Uplink(config.workerinput[CHANNEL]).tell, console=console), None
    shown = DisplayPlugin(config)
    return Watch(shown.display.tell, console=console), shown


def _drop(event: Event) -> None:
    """Where no bed comes up."""


class DisplayPlugin:
    """Has the display for the length of a run, and pytest write through its screen."""

    def __init__(self, config: pytest.Config) -> None:
        detail = _detail(config)
        self._writer: Any = None
        self._file = self._stream = sys.stdout
        screen, look = None, Look()
        if detail is not Detail.QUIET or config.getoption("charly_console"):
            screen, look = self._take_terminal(config)
        self.display = Display(screen, detail, look, Durations(), _host())

    def _take_terminal(self, config: pytest.Config) -> tuple[Screen, Look]:
        reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
        writer: Any = config.get_terminal_writer() if reporter else None
        # pytest has no public name for the file that it writes to.
        self._file = writer._file if writer else sys.stdout
        self._stream = _apart_from_capture(self._file)

        def end_line() -> None:
            reporter.ensure_newline()
            if writer and writer.width_of_current_line:
                writer.line()

        live = _is_live(config, self._stream)
        screen = Screen(self._stream, live=live, end_pytests_line=end_line if reporter else None)
        if writer:
            self._writer = writer
            self._writer._file = PytestsFile(screen, self._file)
        encoding = codecs.lookup(self._stream.encoding or "ascii").name
        colour = bool(live and writer and writer.hasmarkup)
        return screen, Look(colour=colour, unicode=encoding.startswith("utf"))

    def pytest_enter_pdb(self) -> None:
        self.display.pause()

    def pytest_leave_pdb(self) -> None:
        self.display.resume()

    def pytest_runtest_logfinish(self) -> None:
        # Not everything that enters a debugger says that it leaves it.
        self.display.resume()

    # Around the end of beds and of workers, and before pytest's summary.
    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_sessionfinish(self) -> Generator[None]:
        try:
            return (yield)
        finally:
            self.display.close()

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        self.display.close()
        if self._writer is not None:
            self._writer._file.flush()
            self._writer._file = self._file
        if self._stream is not self._file:
            self._stream.close()


def _detail(config: pytest.Config) -> Detail:
    verbosity = config.get_verbosity()
    if verbosity < 0:
        return Detail.QUIET
    return Detail.ALL if verbosity else Detail.PHASES


def _apart_from_capture(file: TextIO) -> TextIO:
    """Where a file leads now, before pytest's capture puts another in its place."""
    file.flush()
    try:
        descriptor = os.dup(file.fileno())
    except (OSError, ValueError):
        # Not a file of the system's, which the capture leaves alone.
        return file
    encoding = getattr(file, "encoding", None) or "utf-8"
    return os.fdopen(descriptor, "w", encoding=encoding, errors="backslashreplace", newline="")


def _is_live(config: pytest.Config, stream: TextIO) -> bool:
    """Whether lines can be taken back. Not where a test's own output comes between, as with -s,
    and not in CI, whose logs keep everything."""
    if not stream.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        return False
    return config.getoption("capture", "no") in ("fd", "sys") and not os.environ.get("CI")


def _host() -> str:
    """What makes the same work take another time on this host: how guests are run."""
    accelerators = [one.name for one in survey().accelerators if one.works]
    return accelerators[0] if accelerators else "none"
