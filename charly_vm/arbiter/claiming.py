"""A claim, from the wish to its end: looked at, waited for, granted, and given back."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from types import TracebackType

from charly_vm.arbiter.explanation import explain_wait
from charly_vm.arbiter.foreign import require_not_foreign
from charly_vm.arbiter.history import History
from charly_vm.arbiter.holders import GivesWay, Household, NoHousehold
from charly_vm.arbiter.inhibition import find_inhibition
from charly_vm.arbiter.ledger import Book, Ledger
from charly_vm.arbiter.liveness import Liveness, is_alive
from charly_vm.arbiter.policy import decide, find_blockers
from charly_vm.arbiter.records import (
    Claimant,
    ClaimRecord,
    Life,
    StoppedHolder,
    StopState,
    machine_claim_id,
)
from charly_vm.arbiter.view import (
    Observed,
    is_own_holder,
    is_up_again,
    see_claims,
    see_holders,
)
from charly_vm.arbiter.wakeup import Wakeup
from charly_vm.arbiter.wish import Wish
from charly_vm.errors import CharlyError, ClaimUnavailable, StateError
from charly_vm.host.boot import Moment, boot_id, this_moment
from charly_vm.host.progress import SILENT, Progress
from charly_vm.host.waiting import Deadline

CLAIM_SECONDS = 2 * 3600.0
"""How long a claim waits for its turn where nothing else is said."""
LOOK_AGAIN_SECONDS = 15.0
"""A claimant that waits looks at the ledger by itself so often, though it is told of changes: a
holder's owner may have gone home."""


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


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look at the ledger has shown to a claimant that has to wait."""

    alive: tuple[str, ...]
    """Of the claims in the way, those whose owner may die."""
    seen: str


class Arbiter:
    """Claims for one account on one ledger."""

    def __init__(
        self,
        ledger: Ledger,
        household: Household | None = None,
        *,
        capacity: Mapping[str, int] | None = None,
        progress: Progress = SILENT,
        history: History | None = None,
    ) -> None:
        self.ledger = ledger
        self.household: Household = household or NoHousehold()
        self.capacity = dict(capacity or {})
        self.progress = progress
        self.history = history or History()
        self.uid = os.getuid()

    def claim(
        self,
        wish: Wish,
        claimant: Claimant,
        *,
        timeout: float = CLAIM_SECONDS,
        owner: str = "",
        domain: str = "",
    ) -> Lease:
        """All of a wish, once it is granted and whoever gives way for it has stopped.

        `owner` is who claims, where one has several claims, which do not exclude each other.
        `domain` is the machine that will have what is claimed: it is kept for as long as that is
        there, whatever becomes of this process.

        Raises `ClaimUnavailable` where somebody has it for longer than `timeout` seconds, where a
        holder does not stop, and where the Go program has it.
        """
        require_not_foreign(wish)
        waiting = _Waiting(self, wish, claimant, Deadline(timeout), owner, domain)
        return waiting.finish()

    def end(self, record: ClaimRecord, *, success: bool = True) -> None:
        """Take a claim out of the ledger, and tell those who may have their turn."""
        with self.ledger.open() as book:
            for holder in list(book.stopped.values()):
                if record.id in holder.claims and not success and not holder.failed:
                    book.write_stopped(replace(holder, failed=record.claimant.name))
            rest = [claim for claim in book.claims.values() if claim.id != record.id]
            # Before the record goes: whoever is killed in between is noticed by its lock.
            self.wake_next(book, rest)
            book.remove_claim(record.id)
        if record.is_granted:
            self.history.remember(record, time.time() - record.granted)

    def hand_over(self, record: ClaimRecord, domain: str, parts: Mapping[Life, Wish]) -> None:
        """Let parts of a claim live by a machine. They have the machine's name from now on."""
        with self.ledger.open() as book:
            self._divide(book, record, domain, parts)

    def find_claim(self, name: str) -> ClaimRecord:
        """A claim by its id, or by its claimant's name where that has one. Raises `StateError`."""
        claims = self.ledger.peek().claims
        if name in claims:
            return claims[name]
        found = [claim for claim in claims.values() if claim.claimant.name == name]
        if len(found) == 1:
            return found[0]
        what = f"{len(found)} claims of {name}" if found else f"no claim {name}"
        raise StateError(
            f"there {'are' if found else 'is'} {what}",
            hint="`charly preempt status` lists them; name one by its id",
        )

    def forgive(self, claimant: str = "") -> None:
        """Have holders come back that are to stay down, or whose start has failed: all of this
        account's, or those that gave way to one claimant."""
        with self.ledger.open() as book:
            for record in list(book.stopped.values()):
                named = not claimant or claimant in (record.failed, record.claimant)
                if record.uid == self.uid and (named or record.claimant.startswith(f"{claimant} ")):
                    book.write_stopped(replace(record, failed="", not_before=0.0, tries=0))

    def wake_next(self, book: Book, claims: Iterable[ClaimRecord] | None = None) -> None:
        """Tell those who may have their turn now, as far as the ledger says it."""
        records = book.claims.values() if claims is None else claims
        decision = decide(see_claims(records, uid=self.uid), (), self.capacity)
        for identifier in decision.grants:
            book.wake(identifier)

    def restore(self, *, wait: bool = False) -> list[str]:
        """Bring back every holder of this account that may come back; returns what was done, in
        words. With `wait` also those are waited for that may still be on their way down."""
        from charly_vm.arbiter.preemption import restore_due

        return restore_due(self, wait=wait)

    def expect_return(self) -> None:
        """Tell the household whether holders of this account are still down."""
        records = self.ledger.peek_stopped()
        self.household.expect_return(any(record.uid == self.uid for record in records))

    def observe(
        self, tokens: Iterable[str], *, beside: str = ""
    ) -> tuple[dict[str, GivesWay], list[Observed]]:
        """Holders of these tokens, and those of this account that are down, as they are now; a
        machine of the name `beside` is left out."""
        found = {holder.key: holder for holder in self.household.find_holders(set(tokens))}
        stopped = {record.key: record for record in self.ledger.peek_stopped()}
        for record in stopped.values():
            if record.uid == self.uid and record.key not in found:
                holder = self.household.find_again(record.found_by, record.wish)
                if holder is not None:
                    found[record.key] = holder
        if beside:
            found = {key: one for key, one in found.items() if one.found_by.get("domain") != beside}
        inhibited = find_inhibition(self.ledger, self.uid) if found else 0.0
        return found, [
            _observe(holder, inhibited, stopped.get(key)) for key, holder in found.items()
        ]

    def is_outdated(
        self, book: Book, holders: Mapping[str, GivesWay], observed: Iterable[Observed]
    ) -> bool:
        """Whether one of the holders has been stopped or started since it was looked at."""
        if any(book.stopped.get(one.key) != one.record for one in observed):
            return True
        off = {one.domain: one.key for one in observed if one.domain and not one.runs}
        return any(
            is_own_holder(claim, self.uid)
            and claim.domain in off
            and holders[off[claim.domain]].is_running()
            for claim in book.claims.values()
        )

    def settle(self, book: Book, observed: Sequence[Observed], now: Moment) -> bool:
        """Take out of the ledger what has ended without us; whether something has."""
        changed = book.buried
        for claim in list(book.claims.values()):
            if claim.claimant.uid != self.uid:
                continue
            if claim.id in book.left and (parts := self.household.find_parts(claim.domain)):
                # Killed after its machine was there, and before the claim lived by that.
                self._divide(book, claim, claim.domain, parts)
                changed = True
            elif self._has_ended(book, claim, observed):
                book.remove_claim(claim.id)
                changed = True
        runs = {one.key: one.runs for one in observed}
        for record in list(book.stopped.values()):
            if record.uid != self.uid or self.ledger.is_changing(record.key):
                continue
            if is_up_again(record, runs.get(record.key, False), now):
                if record.state is StopState.STOPPED:
                    self.progress.note(f"{record.name} runs again: somebody has started it by hand")
                book.remove_stopped(record.key)
                changed = True
        return changed

    def _divide(
        self, book: Book, record: ClaimRecord, domain: str, parts: Mapping[Life, Wish]
    ) -> None:
        for life, wish in parts.items():
            if wish:
                identifier = machine_claim_id(life, self.uid, domain)
                kept = replace(record, id=identifier, wish=wish, life=life, domain=domain)
                book.write_claim(kept)
        rest = [claim for claim in book.claims.values() if claim.id != record.id]
        self.wake_next(book, rest)
        book.remove_claim(record.id)

    def _has_ended(self, book: Book, claim: ClaimRecord, observed: Sequence[Observed]) -> bool:
        """Whether the machine that a claim of this account's lives by is no longer there."""
        if claim.life is Life.OWNER and claim.id not in book.left:
            return False
        off = any(one.domain == claim.domain and not one.runs for one in observed)
        return (claim.life is Life.HOLDER and off) or not self.household.has_machine(claim.domain)


def _observe(holder: GivesWay, inhibited: float, record: StoppedHolder | None) -> Observed:
    runs = holder.is_running()
    protected = ""
    if runs and inhibited:
        until = time.strftime("%H:%M", time.localtime(inhibited))
        protected = f"its owner is at work until {until}"
    elif runs:
        protected = holder.find_protection()
    domain = holder.found_by.get("domain", "")
    return Observed(holder.key, holder.name, holder.wish, runs, protected, domain, record)


class _Waiting:
    """One claim until it is granted."""

    def __init__(
        self,
        arbiter: Arbiter,
        wish: Wish,
        claimant: Claimant,
        deadline: Deadline,
        owner: str,
        domain: str,
    ) -> None:
        self.arbiter = arbiter
        self.ledger = arbiter.ledger
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

    def finish(self) -> Lease:
        try:
            look = self._look()
            if look is not None:
                self._wait(look)
            return self._have_way_given()
        except BaseException:
            self._leave()
            raise
        finally:
            if self.wakeup is not None:
                self.wakeup.close()

    def _have_way_given(self) -> Lease:
        lease = Lease(self.arbiter, self.record, self.alive)
        if self.stops:
            from charly_vm.arbiter.preemption import stop_holders

            stop_holders(self.arbiter, self.record, self.holders, self.stops)
        return lease

    def _wait(self, look: _Look) -> None:
        what = f"waiting for {self.record.wish}"
        self.arbiter.progress.note(f"{self.record.claimant.name} waits: {look.seen}")
        assert self.wakeup is not None
        with self.arbiter.progress.phase(what) as seen:
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

    def _look(self) -> _Look | None:
        """Look at the ledger, and take what is there to be had; None where all of it was."""
        while True:
            self.holders, observed = self.arbiter.observe(
                self.record.wish.tokens, beside=self.record.domain
            )
            with self.ledger.open() as book:
                if self.arbiter.is_outdated(book, self.holders, observed):
                    continue
                look, restores, left = self._decide(book, observed)
            if look is None:
                return None
            done = [domain for domain in left if self.arbiter.household.clear(domain)]
            if restores:
                done += self.arbiter.restore()
            if not done:
                return look

    def _decide(
        self, book: Book, observed: Sequence[Observed]
    ) -> tuple[_Look | None, tuple[str, ...], list[str]]:
        now = this_moment()
        arbiter = self.arbiter
        if not self.record.id:
            identifier, self.alive = self.ledger.begin_claim()
            self.record = replace(self.record, id=identifier, place=book.next_place())
        elif self.record.id not in book.claims:
            raise self._taken_out()
        changed = arbiter.settle(book, observed, now)
        book.claims[self.record.id] = self.record
        claims = see_claims(map(self._as_ours, book.claims.values()), uid=arbiter.uid)
        changing = [one.key for one in observed if self.ledger.is_changing(one.key)]
        holders = see_holders(observed, book.stopped, changing, now)
        decision = decide(claims, holders, arbiter.capacity)
        if changed:
            arbiter.wake_next(book)
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
        blockers = find_blockers(self.record.id, claims, holders, arbiter.capacity)
        left = [
            claim.domain
            for claim in book.left.values()
            if claim.claimant.uid == arbiter.uid and any(one.who == claim.id for one in blockers)
        ]
        seen = explain_wait(self.record, blockers, book, observed, arbiter.history)
        alive = [who for who in dict.fromkeys(one.who for one in blockers) if book.is_alive(who)]
        return _Look(tuple(alive), seen), decision.restores, left

    def _as_ours(self, claim: ClaimRecord) -> ClaimRecord:
        """A claim of the machine that this one is for: an earlier run's, or of one that was kept.
        Whoever claims for a machine holds that, and removes it or goes on with it."""
        theirs = (claim.claimant.uid, claim.domain)
        if self.record.domain and theirs == (self.arbiter.uid, self.record.domain):
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
                uid=self.arbiter.uid,
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

    def _is_watched(self, wakeup: Wakeup, look: _Look) -> bool:
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

    def _too_late(self, look: _Look) -> CharlyError:
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
                self.arbiter.end(self.record)
            else:
                self.alive.path.unlink(missing_ok=True)
        if self.stops:
            self.arbiter.restore()
