"""One claim until it is granted: looked at, waited for, and had with those who give way for it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from charly_vm.arbiter.desk import Desk
from charly_vm.arbiter.explanation import explain_wait
from charly_vm.arbiter.holders import GivesWay
from charly_vm.arbiter.ledger import Book
from charly_vm.arbiter.liveness import Liveness, is_alive
from charly_vm.arbiter.policy import decide, find_blockers
from charly_vm.arbiter.preemption import restore_due, stop_holders
from charly_vm.arbiter.records import Claimant, ClaimRecord, StoppedHolder
from charly_vm.arbiter.view import Observed, see_claims, see_holders
from charly_vm.arbiter.wakeup import Wakeup
from charly_vm.arbiter.wish import Wish
from charly_vm.errors import CharlyError, ClaimUnavailable
from charly_vm.host.boot import boot_id, this_moment
from charly_vm.host.waiting import Deadline

LOOK_AGAIN_SECONDS = 15.0
"""A claimant that waits looks at the ledger by itself so often, though it is told of changes: a
holder's owner may have gone home."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the ledger has shown to a claimant that has to wait."""

    alive: tuple[str, ...]
    """Of the claims in the way, those whose owner may die."""
    seen: str


class Waiting:
    """One claim until it is granted."""

    def __init__(
        self,
        desk: Desk,
        wish: Wish,
        claimant: Claimant,
        deadline: Deadline,
        owner: str,
        domain: str,
    ) -> None:
        self.desk = desk
        self.ledger = desk.ledger
        self.deadline = deadline
        self.record = ClaimRecord(
            id="",
            claimant=claimant,
            wish=wish,
            place=0.0,
            boot_id=boot_id(),
            owner=owner,
            domain=domain,
        )
        self.alive: Liveness | None = None
        self.holders: dict[str, GivesWay] = {}
        self.wakeup: Wakeup | None = None
        self.written = False
        self.stops: dict[str, ExitStack] = {}

    def finish(self) -> tuple[ClaimRecord, Liveness]:
        """The claim, granted, and the lock that keeps it alive; raises as `Arbiter.claim` does."""
        try:
            look = self._look()
            if look is not None:
                self._wait(look)
            if self.stops:
                stop_holders(self.desk, self.record, self.holders, self.stops)
            assert self.alive is not None
            return self.record, self.alive
        except BaseException:
            self._leave()
            raise
        finally:
            if self.wakeup is not None:
                self.wakeup.close()

    def _wait(self, look: Look) -> None:
        what = f"waiting for {self.record.wish}"
        self.desk.progress.note(f"{self.record.claimant.name} waits: {look.seen}")
        assert self.wakeup is not None
        with self.desk.progress.phase(what) as seen:
            while True:
                seen(look.seen)
                if self.deadline.passed:
                    raise self._too_late(look)
                if self._is_watched(self.wakeup, look):
                    self.wakeup.wait(self.deadline.remaining(at_most=LOOK_AGAIN_SECONDS))
                again = self._look()
                if again is None:
                    return
                look = again

    def _look(self) -> Look | None:
        """Look at the ledger, and take what is there to be had; None where all of it was."""
        while True:
            self.holders, observed = self.desk.observe(
                self.record.wish.tokens, beside=self.record.domain
            )
            with self.ledger.open() as book:
                if self.desk.is_outdated(book, self.holders, observed):
                    continue
                look, restores, left = self._decide(book, observed)
            if look is None:
                return None
            done = [domain for domain in left if self.desk.household.clear(domain)]
            if restores:
                done += restore_due(self.desk)
            if not done:
                return look

    def _decide(
        self, book: Book, observed: Sequence[Observed]
    ) -> tuple[Look | None, tuple[str, ...], list[str]]:
        now = this_moment()
        desk = self.desk
        if not self.record.id:
            identifier, self.alive = self.ledger.begin_claim()
            self.record = replace(self.record, id=identifier, place=book.next_place())
        elif self.record.id not in book.claims:
            raise self._taken_out()
        changed = desk.settle(book, observed, now)
        book.claims[self.record.id] = self.record
        claims = see_claims(map(self._as_ours, book.claims.values()), uid=desk.uid)
        changing = [one.key for one in observed if self.ledger.is_changing(one.key)]
        holders = see_holders(observed, book.stopped, changing, now)
        decision = decide(claims, holders, desk.capacity)
        if changed:
            desk.wake_next(book)
        if self.record.id in decision.grants:
            self._grant(book, decision.grants[self.record.id], now.seconds)
            return None, (), []
        if self.record.id in decision.refused:
            raise self._would_wait_for_ever(book)
        if not self.written:
            # From before anybody can see it in the line, so that no touch is missed.
            self.wakeup = Wakeup(self.ledger.claim_lock(self.record.id))
            book.write_claim(self.record)
            self.written = True
        blockers = find_blockers(self.record.id, claims, holders, desk.capacity)
        left = [
            claim.domain
            for claim in book.left.values()
            if claim.claimant.uid == desk.uid and any(one.who == claim.id for one in blockers)
        ]
        seen = explain_wait(self.record, blockers, book, observed, desk.history)
        alive = [who for who in dict.fromkeys(one.who for one in blockers) if book.is_alive(who)]
        return Look(tuple(alive), seen), decision.restores, left

    def _as_ours(self, claim: ClaimRecord) -> ClaimRecord:
        """A claim of the machine that this one is for: an earlier run's, or of one that was kept.
        Whoever claims for a machine holds that, and removes it or goes on with it."""
        theirs = (claim.claimant.uid, claim.domain)
        if self.record.domain and theirs == (self.desk.uid, self.record.domain):
            return replace(claim, owner=self.record.owner)
        return claim

    def _grant(self, book: Book, keys: Sequence[str], now: float) -> None:
        for key in keys:
            self._list_stop(book, key, now)
        self.record = replace(self.record, granted=now)
        book.write_claim(self.record)
        self.written = True
        for claim in list(book.left.values()):
            if self._as_ours(claim) is not claim:
                book.remove_claim(claim.id)

    def _list_stop(self, book: Book, key: str, now: float) -> None:
        """Write down that a holder will be stopped, before anything is done to it."""
        holder = self.holders[key]
        stack = self.stops[key] = ExitStack()
        if not self.ledger.hold_stopped(key, stack):
            raise AssertionError(f"{key} is being changed, and was to be stopped")
        book.write_stopped(
            StoppedHolder(
                key=key,
                uid=self.desk.uid,
                user=self.record.claimant.user,
                found_by=holder.found_by,
                wish=holder.wish,
                claims=(self.record.id,),
                claimant=str(self.record.claimant),
                since=now,
                boot_id=self.record.boot_id,
                grace=holder.grace,
                on_success=holder.on_success,
            )
        )

    def _is_watched(self, wakeup: Wakeup, look: Look) -> bool:
        """Have the kernel tell of those in the way; False where one of them has gone meanwhile."""
        locks = [self.ledger.claim_lock(who) for who in look.alive]
        new = [lock for lock in locks if wakeup.watch_other(lock)]
        return all(is_alive(lock) for lock in new)

    def _taken_out(self) -> CharlyError:
        name = self.record.claimant.name
        return ClaimUnavailable(
            f"the claim of {name} to {self.record.wish} was taken out of the line",
            holder="",
            hint="somebody has done so with `charly preempt release`; claim it anew",
        )

    def _too_late(self, look: Look) -> CharlyError:
        seconds = self.deadline.seconds
        return ClaimUnavailable(
            f"{self.record.wish} was not to be had for {self.record.claimant.name} "
            f"within {seconds:.0f} s: {look.seen}",
            holder=look.seen,
            hint="`charly preempt status` shows who has what; wait for them, or end them",
        )

    def _would_wait_for_ever(self, book: Book) -> CharlyError:
        others = [
            claim.claimant.name
            for claim in book.claims.values()
            if claim.is_granted and set(claim.wish.tokens) & set(self.record.wish.tokens)
        ]
        names = ", ".join(dict.fromkeys(others))
        return ClaimUnavailable(
            f"{self.record.claimant.name} would wait for {self.record.wish} for ever: {names} has "
            "it, and waits for what this one has",
            holder=names,
            hint="claim everything at once",
        )

    def _leave(self) -> None:
        """Out of the line, or out of what was granted, with nothing left behind."""
        for stack in self.stops.values():
            stack.close()
        if self.alive is None:
            return
        with self.alive:
            if self.written:
                # It has not begun, so that nothing of its own has failed.
                self.desk.end(self.record)
            else:
                self.alive.path.unlink(missing_ok=True)
        if self.stops:
            restore_due(self.desk)
