"""What long work looks like: a live line per phase on a terminal, plain lines in a pipe."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from charly_vm.host.progress import Progress

if TYPE_CHECKING:
    import rich.console
    import rich.progress

HEARTBEAT_SECONDS = 10.0
"""How often a transfer says in a pipe how far it has come."""


def progress_on(stream: TextIO) -> Progress:
    """The watcher that suits a stream."""
    return TerminalProgress(stream) if stream.isatty() else PlainProgress(stream)


class PlainProgress:
    """A line when a phase starts and one when it ends; for pipes, logs and CI."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def _write(self, line: str) -> None:
        print(line, file=self._stream, flush=True)

    @contextmanager
    def phase(self, text: str) -> Iterator[None]:
        started = time.monotonic()
        self._write(f"{text} ...")
        yield
        self._write(f"{text}: done in {_seconds(time.monotonic() - started)}")

    @contextmanager
    def transfer(self, text: str, total: int | None) -> Iterator[Callable[[int], None]]:
        started = said = time.monotonic()
        self._write(f"{text} ({_bytes(total)}) ..." if total else f"{text} ...")
        last = 0

        def update(done: int) -> None:
            nonlocal said, last
            last = done
            if time.monotonic() - said >= HEARTBEAT_SECONDS:
                said = time.monotonic()
                share = f" of {_bytes(total)}" if total else ""
                rate = _bytes(int(done / (said - started)))
                self._write(f"{text}: {_bytes(done)}{share}, {rate}/s")

        yield update
        self._write(f"{text}: {_bytes(last)} in {_seconds(time.monotonic() - started)}")

    def note(self, text: str) -> None:
        self._write(text)


class TerminalProgress:
    """A live line with a spinner and the time for each phase, and a tick when it has ended."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live: rich.progress.Progress | None = None
        self._depth = 0

    @contextmanager
    def phase(self, text: str) -> Iterator[None]:
        with self._task(text, total=None, kind="phase"):
            yield

    @contextmanager
    def transfer(self, text: str, total: int | None) -> Iterator[Callable[[int], None]]:
        with self._task(text, total=total, kind="transfer") as update:
            yield update

    def note(self, text: str) -> None:
        self._console().print(f"  [dim]{_escape(text)}[/dim]", highlight=False)

    @contextmanager
    def _task(self, text: str, *, total: int | None, kind: str) -> Iterator[Callable[[int], None]]:
        started = time.monotonic()
        live = self._live or self._start()
        task = live.add_task(text, total=total, kind=kind)
        self._depth += 1
        try:
            yield lambda done: live.update(task, completed=done)
            live.refresh()
            took = _seconds(time.monotonic() - started)
            live.console.print(
                f"[green]✓[/green] {_escape(text)}  [dim]{took}[/dim]", highlight=False
            )
        except BaseException:
            live.console.print(f"[red]✗[/red] {_escape(text)}", highlight=False)
            raise
        finally:
            live.remove_task(task)
            self._depth -= 1
            if self._depth == 0:
                live.stop()
                self._live = None

    def _start(self) -> rich.progress.Progress:
        from rich import progress

        class Columns(progress.Progress):
            """A bar, a rate and the time left for transfers, and for phases the time taken."""

            def get_renderables(self) -> Iterator[rich.console.RenderableType]:
                for task in self.tasks:
                    moving = task.fields["kind"] == "transfer"
                    self.columns = transfer_columns if moving else phase_columns
                    yield self.make_tasks_table([task])

        phase_columns = (
            progress.SpinnerColumn(),
            progress.TextColumn("{task.description}", markup=False),
            progress.TimeElapsedColumn(),
        )
        transfer_columns = (
            progress.SpinnerColumn(),
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(),
            progress.DownloadColumn(binary_units=True),
            progress.TransferSpeedColumn(),
            progress.TimeRemainingColumn(),
        )
        self._live = Columns(console=self._console(), transient=True)
        self._live.start()
        return self._live

    def _console(self) -> rich.console.Console:
        if self._live is not None:
            return self._live.console
        from rich.console import Console

        return Console(file=self._stream)


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _seconds(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} m {rest:02d} s"


def _bytes(size: int | None) -> str:
    value = float(size or 0)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            break
        value /= 1024
    return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}"
