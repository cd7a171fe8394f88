"""What long work looks like: a live line per phase on a terminal, plain lines in a pipe."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from charly_vm.host.amounts import format_bytes, format_seconds
from charly_vm.host.progress import Progress, Seen, not_told

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
    def phase(self, text: str) -> Iterator[Seen]:
        started = time.monotonic()
        self._write(f"{text} ...")
        yield not_told
        self._write(f"{text}: done in {format_seconds(time.monotonic() - started)}")

    @contextmanager
    def transfer(self, text: str, total: int | None) -> Iterator[Callable[[int], None]]:
        started = said = time.monotonic()
        self._write(f"{text} ({format_bytes(total)}) ..." if total else f"{text} ...")
        last = 0

        def update(done: int) -> None:
            nonlocal said, last
            last = done
            if time.monotonic() - said >= HEARTBEAT_SECONDS:
                said = time.monotonic()
                share = f" of {format_bytes(total)}" if total else ""
                rate = format_bytes(int(done / (said - started)))
                self._write(f"{text}: {format_bytes(done)}{share}, {rate}/s")

        yield update
        self._write(f"{text}: {format_bytes(last)} in {format_seconds(time.monotonic() - started)}")

    def note(self, text: str) -> None:
        self._write(text)


class TerminalProgress:
    """A live line per phase with what was last seen and the time, and a tick when it has ended."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live: rich.progress.Progress | None = None
        self._depth = 0

    @contextmanager
    def phase(self, text: str) -> Iterator[Seen]:
        with self._task(text, total=None, kind="phase") as update:
            yield lambda seen: update(seen=seen)

    @contextmanager
    def transfer(self, text: str, total: int | None) -> Iterator[Callable[[int], None]]:
        with self._task(text, total=total, kind="transfer") as update:
            yield lambda done: update(completed=done)

    def note(self, text: str) -> None:
        self._console().print(f"  [dim]{_escape(text)}[/dim]", highlight=False)

    @contextmanager
    def _task(self, text: str, *, total: int | None, kind: str) -> Iterator[Callable[..., None]]:
        started = time.monotonic()
        live = self._live or self._start()
        task = live.add_task(text, total=total, kind=kind, seen="")
        self._depth += 1
        try:
            yield functools.partial(live.update, task)
            live.refresh()
            took = format_seconds(time.monotonic() - started)
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
            progress.TextColumn("{task.fields[seen]}", markup=False, style="dim"),
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
