"""How a claimant that waits learns that it may have its turn.

Whoever leaves the ledger touches the lock's file of each claimant that comes next. Whoever dies
does not, but the kernel closes the lock that it held, and those whom it kept waiting watch for
that.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from pathlib import Path
from types import TracebackType

from charly_vm.arbiter.liveness import is_alive
from charly_vm.host.file_events import FileEvent, FileEvents

_POLL_SECONDS = 0.25
"""Where the kernel has no watch to spare: an account has 128 of them."""
_TICK_SECONDS = 0.02
"""A file's time may be behind the clock by so much."""
_DROP_SECONDS = 1.0
_DROP_EVERY = 0.001
"""The kernel tells of the end of a file a moment before it drops the lock on it."""


class Wakeup:
    """The watch of one waiting claimant, from its making to `close`."""

    def __init__(self, own: Path) -> None:
        """`own` is the claimant's lock, which others touch."""
        self._own = own
        self._others: set[Path] = set()
        self._polled = 0.0
        try:
            self._events: FileEvents | None = FileEvents()
        except OSError:
            self._events = None
        self._watch(own, FileEvent.TOUCHED)

    def watch_other(self, lock: Path) -> bool:
        """Wake up when whoever holds this one dies; whether it was not watched already. Who has
        died before that is not told of."""
        if lock in self._others:
            return False
        self._others.add(lock)
        self._watch(lock, FileEvent.CLOSED)
        return True

    def wait(self, seconds: float) -> None:
        """Return when there is a reason to look at the ledger, or after so many seconds."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            happened = self._events.wait(left) if self._events else self._poll(left)
            if self._own in happened:
                return
            ended = [lock for lock in happened if lock in self._others]
            self._others.difference_update(ended)
            # One that has left properly has taken its record along, and touched who comes next.
            dead = [lock for lock in ended if lock.with_suffix(".json").exists()]
            if dead:
                _await_drop(dead)
                return

    def close(self) -> None:
        if self._events is not None:
            self._events.close()

    def __enter__(self) -> Wakeup:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _poll(self, left: float) -> Collection[Path]:
        """What has happened a moment later, found out by looking at each file."""
        time.sleep(min(left, _POLL_SECONDS))
        ended = {lock for lock in self._others if not is_alive(lock)}
        since, self._polled = self._polled, time.time() - _TICK_SECONDS
        try:
            touched = self._own.stat().st_mtime > since
        except FileNotFoundError:
            touched = True
        return {self._own, *ended} if touched else ended

    def _watch(self, lock: Path, events: FileEvent) -> None:
        if self._events is None:
            return
        try:
            self._events.watch(lock, events)
        except OSError:
            # There are too many: from now on it looks by itself.
            self._events.close()
            self._events = None


def _await_drop(locks: Iterable[Path]) -> None:
    end = time.monotonic() + _DROP_SECONDS
    while any(is_alive(lock) for lock in locks) and time.monotonic() < end:
        time.sleep(_DROP_EVERY)
