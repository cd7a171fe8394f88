"""How long each part of a bed's run took: a progress that passes everything on and remembers it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from charly_vm.host.progress import Progress, Seen

VERSION = 1
"""Of `timings.json`."""


@dataclass(slots=True)
class Span:
    """A stretch of time. What is shorter and lies in it has a greater depth."""

    phase: str
    """The bed's: `deployed`, `rebuilt` or `removal`."""
    what: str
    began: float
    """Seconds since 1970."""
    depth: int
    started: float
    """By the monotonic clock, which nobody sets."""
    seconds: float | None = None
    """None while it lasts."""
    outcome: str = "running"
    """`running`, `ok` or `failed`."""
    seen: str = ""
    """What was last seen of what it waited for."""

    def as_data(self) -> dict[str, Any]:
        seconds = self.seconds
        lasted = time.monotonic() - self.started if seconds is None else seconds
        return {
            "phase": self.phase,
            "what": self.what,
            "began": round(self.began, 3),
            "seconds": round(lasted, 3),
            "outcome": self.outcome,
            "depth": self.depth,
            **({"seen": self.seen} if self.seen else {}),
        }


class Timings:
    """A progress over another one. Each phase and transfer is a span; notes are passed on alone."""

    def __init__(self, inner: Progress, phase: str) -> None:
        self.bed_phase = phase
        """Of the spans that begin from now on."""
        self.began = time.time()
        self._inner = inner
        self._lock = threading.Lock()
        self._spans: list[Span] = []

    @contextmanager
    def phase(self, text: str) -> Iterator[Seen]:
        with self.spanning(text) as span, self._inner.phase(text) as seen:

            def told(what: str) -> None:
                span.seen = what
                seen(what)

            yield told

    @contextmanager
    def transfer(self, text: str, total: int | None) -> Iterator[Callable[[int], None]]:
        with self.spanning(text), self._inner.transfer(text, total) as update:
            yield update

    def note(self, text: str) -> None:
        self._inner.note(text)

    @contextmanager
    def spanning(self, what: str) -> Iterator[Span]:
        """A span that nobody else is told of."""
        span = self.open(what)
        try:
            yield span
        except BaseException:
            self.close(span, "failed")
            raise
        self.close(span)

    def open(self, what: str) -> Span:
        """A span that lasts until `close`."""
        with self._lock:
            depth = sum(span.seconds is None for span in self._spans)
            span = Span(self.bed_phase, what, time.time(), depth, time.monotonic())
            self._spans.append(span)
        return span

    def close(self, span: Span, outcome: str = "ok") -> None:
        span.seconds = time.monotonic() - span.started
        span.outcome = outcome

    def spans(self) -> list[dict[str, Any]]:
        """As `timings.json` has them, in the order in which they began."""
        with self._lock:
            return [span.as_data() for span in self._spans]
