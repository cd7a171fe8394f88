"""What claimants and holders of one account have in common: its ledger, its household, and what is
looked at and brought in order whenever somebody looks."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from charly_vm.arbiter.history import History
from charly_vm.arbiter.holders import GivesWay, Household, NoHousehold
from charly_vm.arbiter.inhibition import find_inhibition
from charly_vm.arbiter.ledger import Book, Ledger, Right
from charly_vm.arbiter.modes import ModeKeeper, NoSwitches, Switches, with_devices
from charly_vm.arbiter.policy import decide
from charly_vm.arbiter.records import (
    ClaimRecord,
    Life,
    StoppedHolder,
    StopState,
    machine_claim_id,
)
from charly_vm.arbiter.view import Observed, is_own_holder, is_up_again, see_claims
from charly_vm.arbiter.wish import Wish
from charly_vm.errors import StateError
from charly_vm.host.boot import Moment
from charly_vm.host.progress import SILENT, Progress


class Desk:
    """One account's view of one ledger, and what it may change there."""

    def __init__(
        self,
        ledger: Ledger,
        household: Household | None = None,
        *,
        capacity: Mapping[str, int] | None = None,
        progress: Progress = SILENT,
        history: History | None = None,
        switches: Switches | None = None,
    ) -> None:
        self.ledger = ledger
        self.household: Household = household or NoHousehold()
        self.capacity = dict(capacity or {})
        self.progress = progress
        self.history = history or History()
        self.switches: Switches = switches or NoSwitches()
        self.modes = ModeKeeper(ledger, self.switches, progress)
        self.uid = os.getuid()

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

    def last_seconds(self, claimant: str, wish: Wish) -> float | None:
        """For how long a claimant had the same the last time."""
        return self.history.last(claimant, with_devices(wish, self.switches))

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
        rights = {key: self.ledger.see_right(key) for key in found}
        inhibited = find_inhibition(self.ledger, self.uid) if found else 0.0
        return found, [
            _observe(holder, inhibited, stopped.get(key), rights[key])
            for key, holder in found.items()
        ]

    def is_outdated(
        self, book: Book, holders: Mapping[str, GivesWay], observed: Iterable[Observed]
    ) -> bool:
        """Whether one of the holders has been stopped or started since it was looked at."""
        if any(book.stopped.get(one.key) != one.record for one in observed):
            return True
        # Whoever is killed while stopping or starting one writes nothing down of what came of it.
        if any(
            now.turns != one.right.turns or (one.right.held and not now.held)
            for one in observed
            if (now := self.ledger.see_right(one.key))
        ):
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
        self.tell_of_lost()
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

    def tell_of_lost(self) -> None:
        """Say which holders nobody will start again, since their records could not be read."""
        while self.ledger.lost:
            key = self.ledger.lost.pop()
            self.progress.note(
                f"the record of {key}, which gave way, cannot be read: start it by hand; what is "
                f"left of the record is in {self.ledger.directory}/damaged"
            )

    def _divide(
        self, book: Book, record: ClaimRecord, domain: str, parts: Mapping[Life, Wish]
    ) -> None:
        for life, wish in parts.items():
            if wish:
                identifier = machine_claim_id(life, self.uid, domain)
                whole = with_devices(wish, self.switches)
                kept = replace(record, id=identifier, wish=whole, life=life, domain=domain)
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


def _observe(
    holder: GivesWay, inhibited: float, record: StoppedHolder | None, right: Right
) -> Observed:
    runs = holder.is_running()
    protected = ""
    if runs and inhibited:
        until = time.strftime("%H:%M", time.localtime(inhibited))
        protected = f"its owner is at work until {until}"
    elif runs:
        protected = holder.find_protection()
    domain = holder.found_by.get("domain", "")
    return Observed(holder.key, holder.name, holder.wish, runs, protected, domain, record, right)
