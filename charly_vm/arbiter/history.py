"""How long claimants have had what they claimed the last time, so that those who wait know when to
expect it."""

from __future__ import annotations

import time
from contextlib import suppress

from charly_vm.arbiter.records import ClaimRecord, Life
from charly_vm.arbiter.wish import Wish
from charly_vm.errors import CharlyError
from charly_vm.host.durations import Durations

WORTH_KEEPING_SECONDS = 1.0
"""Nobody asks when a shorter one will end."""


class History:
    """The durations of claims, in the user's file of durations."""

    def __init__(self, durations: Durations | None = None) -> None:
        self._durations = durations or Durations()

    def remember(self, claim: ClaimRecord, seconds: float) -> None:
        """A claim has ended. Nothing depends on it, so that nothing fails for it."""
        if seconds < WORTH_KEEPING_SECONDS or claim.life is not Life.OWNER:
            return
        self._durations.remember(_key(claim.claimant.name, claim.wish), seconds)
        with suppress(CharlyError):
            self._durations.save()

    def last(self, claimant: str, wish: Wish) -> float | None:
        """How long a claimant of this name had it the last time; None where nobody knows."""
        return self._durations.last(_key(claimant, wish))

    def expect_end(self, claim: ClaimRecord) -> float | None:
        """In how many seconds a claim will end; None where nobody knows."""
        last = self.last(claim.claimant.name, claim.wish)
        if last is None or not claim.is_granted or claim.life is not Life.OWNER:
            return None
        return max(0.0, claim.granted + last - time.time())


def _key(claimant: str, wish: Wish) -> tuple[str, ...]:
    return ("claim", claimant, str(wish))
