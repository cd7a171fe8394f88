"""Waiting, in one place: a deadline that nested waits share, and the one polling loop.

A probe returns `NotYet("what I saw")` to be asked again, anything else as the result, or raises
because what is awaited can never come.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from charly_vm.errors import GuestTimeout
from charly_vm.host.progress import Seen, not_told

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NotYet:
    """What a probe saw instead of what is awaited; the last one is in the timeout's message."""

    seen: str = ""


class Deadline:
    """A moment on the monotonic clock; made once and handed down, so that nested waits share it."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def remaining(self, at_most: float | None = None) -> float:
        """Seconds that are left, never negative; `at_most` caps a single step."""
        left = max(0.0, self._end - time.monotonic())
        return left if at_most is None else min(left, at_most)

    @property
    def passed(self) -> bool:
        return time.monotonic() >= self._end


def wait_for(
    what: str,
    probe: Callable[[], T | NotYet],
    deadline: Deadline,
    *,
    every: float = 0.1,
    seen: Seen = not_told,
) -> T:
    """Ask `probe` until it returns something other than `NotYet`, and tell `seen` what it saw.

    Raises `GuestTimeout` with the last thing seen once the deadline has passed; the probe is
    asked at least once, and once more at the very end.
    """
    while True:
        last_try = deadline.passed
        answer = probe()
        if not isinstance(answer, NotYet):
            return answer
        seen(answer.seen)
        if last_try:
            raise GuestTimeout(what, seconds=deadline.seconds, seen=answer.seen)
        time.sleep(deadline.remaining(at_most=every))
