"""Ends what takes too long: a thread watches the clock, and a signal breaks into the main thread.

A signal, since only that ends a blocking call too. It is a real-time one: SIGALRM is
pytest-timeout's, SIGINT is Ctrl-C, and SIGUSR1 and SIGUSR2 are the author's.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNAL = signal.SIGRTMAX


class Clock:
    """Time that is allowed to some work, and used up only while that work goes on."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._used = 0.0
        self._since: float | None = None

    @property
    def left(self) -> float:
        """Seconds; negative where the work has taken longer."""
        now = time.monotonic()
        running = now - self._since if self._since is not None else 0.0
        return self.seconds - self._used - running

    @property
    def is_over(self) -> bool:
        return self.left <= 0

    def start(self) -> None:
        if self._since is None:
            self._since = time.monotonic()

    def stop(self) -> None:
        if self._since is not None:
            self._used += time.monotonic() - self._since
            self._since = None


class _Watched:
    """Work that is being watched: its clock, what to raise, and when to raise it again."""

    def __init__(
        self, clock: Clock, describe: Callable[[FrameType | None], BaseException], again: float
    ) -> None:
        self.clock = clock
        self.describe = describe
        self.again = again
        self.not_before = 0.0
        self.raised: BaseException | None = None

    @property
    def seconds_to_wait(self) -> float:
        return max(self.clock.left, self.not_before - time.monotonic())


class Watchdog:
    """One for a pytest run. It watches the main thread, where alone Python handles signals; in
    another one nothing is ever interrupted."""

    def __init__(self) -> None:
        self._stack: list[_Watched] = []
        """The work that goes on, the innermost last. Only that has its clock running."""
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._paused = False
        self._busy = False
        """Whether the main thread is in here, where an exception would leave things half done."""
        self._previous: Any = signal.SIG_DFL

    @contextmanager
    def watch(
        self, clock: Clock, describe: Callable[[FrameType | None], BaseException], *, again: float
    ) -> Generator[None]:
        """Raise what `describe` makes of the frame that runs, once the clock has run out.

        And once more every `again` seconds, for as long as the block has not been left: what was
        raised may have been caught, or the clean-up that it led to may hang itself. A block that
        comes to its end in spite of it raises it there.
        """
        watched = _Watched(clock, describe, again)
        depth = len(self._stack)
        self._enter(watched)
        try:
            yield
        finally:
            self._leave(depth)
        if watched.raised is not None:
            # It was caught, and the work came to an end of its own all the same.
            raise watched.raised.with_traceback(None)

    def end_all(self) -> None:
        """Watch nothing; for moments at which no work of anybody's can be going on."""
        self._leave(0)

    def pause(self) -> None:
        """Stop the clocks: a person is at the debugger."""
        self._paused = True
        self._settle()

    def resume(self) -> None:
        self._paused = False
        self._settle()

    def close(self) -> None:
        """End the thread, and give the signal back."""
        self._leave(0)
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            # Nobody sends it any more: its default would end the process.
            signal.signal(SIGNAL, self._previous)

    def _enter(self, watched: _Watched) -> None:
        self._busy = True
        if self._stack:
            self._stack[-1].clock.stop()
        self._stack.append(watched)
        self._require_thread()
        self._settle()

    def _leave(self, depth: int) -> None:
        self._busy = True
        ended, self._stack[depth:] = self._stack[depth:], []
        for one in ended:
            one.clock.stop()
        self._settle()

    def _settle(self) -> None:
        """Let the innermost clock run, unless a person is at work, and tell the thread."""
        self._busy = True
        if self._stack:
            clock = self._stack[-1].clock
            if self._paused:
                clock.stop()
            else:
                clock.start()
        with self._changed:
            self._changed.notify()
        self._busy = False

    def _require_thread(self) -> None:
        here = threading.current_thread()
        if self._thread is None and here is threading.main_thread():
            self._previous = signal.signal(SIGNAL, self._raise)
            main = threading.get_ident()
            self._thread = threading.Thread(
                target=self._run, args=(main,), name="charly-watchdog", daemon=True
            )
            self._thread.start()

    def _run(self, main: int) -> None:
        with self._changed:
            while not self._closed:
                watched = self._stack[-1] if self._stack and not self._paused else None
                seconds = watched.seconds_to_wait if watched else None
                if watched is None or seconds is None or seconds > 0:
                    self._changed.wait(seconds)
                    continue
                watched.not_before = time.monotonic() + watched.again
                signal.pthread_kill(main, SIGNAL)

    def _raise(self, number: int, frame: FrameType | None) -> None:
        if self._busy or self._paused:
            return
        # The work that the signal was for may have ended in this moment.
        if self._stack and self._stack[-1].clock.is_over:
            watched = self._stack[-1]
            watched.raised = watched.describe(frame)
            raise watched.raised
