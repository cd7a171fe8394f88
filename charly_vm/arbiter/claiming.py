"""Claims: had with `Arbiter.claim`, and given back with `Lease.release`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType

from charly_vm.arbiter.desk import Desk
from charly_vm.arbiter.foreign import require_not_foreign
from charly_vm.arbiter.liveness import Liveness
from charly_vm.arbiter.modes import with_devices
from charly_vm.arbiter.preemption import restore_due
from charly_vm.arbiter.records import Claimant, ClaimRecord, Life
from charly_vm.arbiter.waiting import Waiting
from charly_vm.arbiter.wish import Wish
from charly_vm.host.waiting import Deadline

CLAIM_SECONDS = 2 * 3600.0
"""How long a claim waits for its turn where nothing else is said."""


@dataclass
class Lease:
    """A claim that was granted. It ends with `release`, or when this process does."""

    arbiter: Arbiter
    record: ClaimRecord
    _alive: Liveness | None = field(repr=False)

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def wish(self) -> Wish:
        return self.record.wish

    @property
    def descriptor(self) -> int:
        """The lock that keeps the claim alive, for a child to inherit on purpose."""
        return self._alive.descriptor if self._alive else -1

    def release(self, *, success: bool = True) -> None:
        """Give everything back, and have those come back who gave way. `success` is whether the
        claimant got what it came for. What was released already is left alone."""
        alive = self._take_alive()
        if alive is None:
            return
        with alive:
            self.arbiter.end(self.record, success=success)
        self.arbiter.restore()

    def abandon(self) -> None:
        """Let go of it while its machine may still be there: it is given back by whoever removes
        that."""
        alive = self._take_alive()
        if alive is not None:
            alive.close()

    def hand_over(self, domain: str, parts: Mapping[Life, Wish]) -> None:
        """Have its parts last as long as a machine is there, or runs, and not as this process."""
        alive = self._take_alive()
        if alive is None:
            return
        with alive:
            self.arbiter.hand_over(self.record, domain, parts)

    def _take_alive(self) -> Liveness | None:
        """What keeps it alive, once; None too in a forked child, whose parent's it is."""
        alive, self._alive = self._alive, None
        return alive if alive and alive.is_open else None

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release(success=error is None)


class Arbiter(Desk):
    """Claims for one account on one ledger."""

    def claim(
        self,
        wish: Wish,
        claimant: Claimant,
        *,
        timeout: float = CLAIM_SECONDS,
        owner: str = "",
        domain: str = "",
        switches: bool = True,
    ) -> Lease:
        """All of a wish and the devices that it means, once it is granted, whoever gives way for it
        has stopped, and each device is in the mode in which it is wanted, unless not `switches`.

        `owner` is who claims, where one has several claims, which do not exclude each other.
        `domain` is the machine that will have what is claimed: it is kept for as long as that is
        there, whatever becomes of this process.

        Raises `ClaimUnavailable` where somebody has it for longer than `timeout` seconds, where a
        holder does not stop, and where the Go program has it; `HostError` where something is given
        up, or cannot be switched.
        """
        require_not_foreign(wish)
        wish = with_devices(wish, self.switches)
        if switches:
            self.modes.require_sound(wish)
        waiting = Waiting(self, wish, claimant, Deadline(timeout), owner, domain)
        lease = Lease(self, *waiting.finish())
        if switches:
            try:
                self.modes.enter(wish)
            except BaseException:
                lease.release(success=False)
                raise
        return lease

    def restore(self, *, wait: bool = False) -> list[str]:
        """Bring back every holder of this account that may come back; returns what was done, in
        words. With `wait` also those are waited for that may still be on their way down. What was
        switched for claims goes back before."""
        self.modes.settle()
        return restore_due(self, wait=wait)
