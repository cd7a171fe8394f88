"""`--charly-console`: what the guest of a bed says on its serial console, while it says it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from charly_vm import ConsoleLog

EVERY = 0.1
"""Seconds between two looks at the log."""
PROMPT_LOOKS = 10
"""After so many looks that showed nothing new, a line without an end is shown as it is."""
TOGETHER = 200
"""How many lines are told at a time."""


class ConsoleFollower:
    """Reads the log in a thread of its own, through rebuilds, until it is stopped."""

    def __init__(self, log: ConsoleLog, tell: Callable[[Sequence[str]], None]) -> None:
        self._log = log
        self._tell = tell
        self._stopped = threading.Event()
        # Of a machine that an earlier run has left.
        log.skip()
        self._thread = threading.Thread(target=self._follow, name="charly console", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Tell the last lines, and end. The log itself may be gone."""
        self._stopped.set()
        self._thread.join()

    def _follow(self) -> None:
        looks = 0
        try:
            while not self._stopped.wait(EVERY):
                said = self._log.read(unfinished=looks >= PROMPT_LOOKS)
                looks = 0 if said else looks + 1
                self._tell_all(said)
            self._tell_all(self._log.read(unfinished=True))
        finally:
            self._log.close()

    def _tell_all(self, said: Sequence[str]) -> None:
        for first in range(0, len(said), TOGETHER):
            self._tell(said[first : first + TOGETHER])
