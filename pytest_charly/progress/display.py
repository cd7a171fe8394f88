"""What is told of beds, on the terminal of the process that has it, and how long it took last time.

Work that ends well is remembered, whoever watches.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from enum import Enum

from charly_vm import CharlyError, Durations
from pytest_charly.progress import lines
from pytest_charly.progress.board import Board, Task
from pytest_charly.progress.events import Began, Ended, Event, Left, Noted, Said
from pytest_charly.progress.screen import Screen

TICK = 0.2
"""Seconds between two looks at the clock."""
LONG = 5.0
"""Seconds of last time from which on a phase in a pipe has a line when it begins."""
FIRST = 10.0
AGAIN = 60.0
"""Seconds after which a phase in a pipe that goes on has a line, and then again."""


class Detail(Enum):
    QUIET = "nothing but consoles, which somebody has asked for"
    PHASES = "the phases of beds"
    ALL = "what happens inside of phases too, and when each begins"


class Display:
    """Told by any thread. What another process tells is taken up by a thread of ours, so that a
    terminal which takes no output holds nobody up who sends."""

    def __init__(
        self,
        screen: Screen | None,
        detail: Detail,
        look: lines.Look,
        durations: Durations,
        host: str,
    ) -> None:
        """`host` says what makes the same work on this host take another time: its accelerator."""
        self._screen = screen
        self._detail = detail
        self._look = look
        self._durations = durations
        self._host = host
        self._board = Board(lambda key: durations.last((host, *key)))
        self._lock = threading.RLock()
        self._starting = threading.Lock()
        self._sent: queue.SimpleQueue[tuple[str, Event | None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def tell(self, event: Event, source: str = "") -> None:
        """Show it before this returns."""
        if self._screen is not None:
            self._start()
        now = time.monotonic()
        with self._lock:
            task = self._board.apply(source, event, now)
            self._on_screen(lambda screen: self._show_event(screen, event, task, now))
            self._remember(event, task)

    def receive(self, source: str, event: Event | None) -> None:
        """Take up what the process `source` has sent; None is its end."""
        self._start()
        self._sent.put((source, event))

    def pause(self) -> None:
        """Somebody works at the terminal, in a debugger."""
        self._on_screen(Screen.pause)

    def resume(self) -> None:
        self._on_screen(Screen.resume)

    def close(self) -> None:
        """Show what has been sent, and stop. What is told afterwards begins it anew."""
        if self._thread is not None:
            self._sent.put(None)
            self._thread.join()
            self._thread = None
        self._on_screen(Screen.clear)
        self._save()

    def _on_screen(self, show: Callable[[Screen], None]) -> None:
        """A screen that is gone, such as a pipe whose reader has ended, is no trouble of a bed's,
        whose machine still has to be removed: from then on nothing is shown."""
        try:
            if self._screen is not None:
                show(self._screen)
        except (OSError, ValueError):
            self._screen = None

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._follow, name="charly progress", daemon=True
                )
                self._thread.start()

    def _follow(self) -> None:
        ticked = time.monotonic()
        while True:
            with suppress(queue.Empty):
                sent = self._sent.get(timeout=TICK)
                if sent is None:
                    return
                source, event = sent
                if event is not None:
                    self.tell(event, source)
                else:
                    with self._lock:
                        self._board.forget(source)
            if time.monotonic() - ticked >= TICK:
                ticked = time.monotonic()
                self._tick(ticked)

    def _tick(self, now: float) -> None:
        with self._lock:
            self._on_screen(lambda screen: self._show_time(screen, now))

    def _show_event(self, screen: Screen, event: Event, task: Task | None, now: float) -> None:
        screen.put(list(self._lines(screen, event, task)))
        if isinstance(event, Began | Ended | Left):
            self._show_beds(screen, now)

    def _show_time(self, screen: Screen, now: float) -> None:
        self._show_beds(screen, now)
        if not screen.is_live and self._detail is not Detail.QUIET:
            screen.put(list(self._still(now)))

    def _show_beds(self, screen: Screen, now: float) -> None:
        if screen.is_live and self._detail is not Detail.QUIET:
            columns, rows = screen.size
            # The last column stays free: some terminals go to the next row from there.
            area = lines.render_beds(
                self._board.beds, now, self._look, width=columns - 1, height=rows // 2
            )
            screen.show(area)

    def _lines(self, screen: Screen, event: Event, task: Task | None) -> Iterator[str]:
        if isinstance(event, Said):
            yield from (lines.console_line(event.bed, line, self._look) for line in event.lines)
        elif self._detail is Detail.QUIET:
            return
        elif isinstance(event, Noted):
            yield lines.note_line(event.bed, event.stage, event.text, self._look)
        elif task is None or (task.depth and self._detail is not Detail.ALL):
            return
        elif isinstance(event, Began) and not screen.is_live:
            takes_long = task.last is not None and task.last >= LONG
            if takes_long or self._detail is Detail.ALL:
                task.said = task.began
                yield lines.start_line(event.bed, task)
        elif isinstance(event, Ended) and screen.is_live:
            yield lines.ticked_line(event.bed, task, event.seconds, self._look, good=event.good)
        elif isinstance(event, Ended):
            yield lines.end_line(event.bed, task, event.seconds, good=event.good)

    def _still(self, now: float) -> Iterator[str]:
        """Of phases that take long, in a pipe: once after a while, and then now and again."""
        for bed in self._board.beds:
            task = bed.tasks[0] if bed.tasks else None
            if task is None:
                continue
            since, wait = (task.began, FIRST) if task.said is None else (task.said, AGAIN)
            if now - since >= wait:
                task.said = now
                yield lines.still_line(bed.name, task, bed.tasks[-1], now)

    def _remember(self, event: Event, task: Task | None) -> None:
        if isinstance(event, Ended) and event.good and task is not None and event.bed:
            key = (self._host, event.bed, task.stage, task.text)
            self._durations.remember(key, event.seconds)
        if isinstance(event, Left):
            self._save()

    def _save(self) -> None:
        # A full disk is no reason to disturb a run: somebody sees no last time, that is all.
        with suppress(CharlyError):
            self._durations.save()
