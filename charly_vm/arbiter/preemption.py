"""Holders that give way: stopped for a claim, and brought back by whoever notices that they may."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace

from charly_vm.arbiter.desk import Desk
from charly_vm.arbiter.holders import GivesWay
from charly_vm.arbiter.policy import decide
from charly_vm.arbiter.records import (
    ClaimRecord,
    StoppedHolder,
    StopState,
    of_running_holder,
)
from charly_vm.arbiter.view import is_going_down, see_claims, see_holders
from charly_vm.errors import CharlyError, ClaimUnavailable
from charly_vm.host.boot import this_moment

RETRY_SECONDS = 60.0
"""After a start that failed; twice as long after each further one."""
RETRY_AT_MOST = 3600.0
SETTLE_EVERY = 0.5


def stop_holders(
    desk: Desk,
    claim: ClaimRecord,
    holders: Mapping[str, GivesWay],
    held: Mapping[str, ExitStack],
) -> None:
    """Stop those that are listed for a claim, one after the other; `held` are the rights to do so.

    Raises `ClaimUnavailable` that names the one that does not stop; the caller undoes the rest.
    """
    desk.household.expect_return(True)
    for key, stack in held.items():
        holder = holders[key]
        _mark(desk, key, StopState.ASKED)
        with desk.progress.phase(f"stopping {holder.name}, which gives way"):
            _stop(holder, claim)
        _mark(desk, key, StopState.STOPPED)
        stack.close()
    desk.progress.note(
        f"{', '.join(holders[key].name for key in held)} gave way, and "
        f"{'is' if len(held) == 1 else 'are'} started again after {claim.claimant.name}"
    )
    with desk.ledger.open() as book:
        # Those who share what was freed have waited for it.
        desk.wake_next(book)


def _stop(holder: GivesWay, claim: ClaimRecord) -> None:
    try:
        if holder.stop(holder.grace):
            return
        why = f"it did not stop within {holder.grace:.0f} s"
    except CharlyError as error:
        why = error.message
    raise ClaimUnavailable(
        f"{claim.claimant.name} cannot have {claim.wish}: {holder.name}, which has it, does not "
        f"give way: {why}",
        holder=holder.name,
        hint=f"stop {holder.name} by hand, or give it a longer `grace`",
    )


def _mark(desk: Desk, key: str, state: StopState) -> None:
    with desk.ledger.open() as book:
        record = book.stopped[key]
        # Those before it have taken their time: how long it may take counts from when it is asked.
        since = time.time() if state is StopState.ASKED else record.since
        book.write_stopped(replace(record, state=state, since=since))


def restore_due(desk: Desk, *, wait: bool = False) -> list[str]:
    """Start each holder of this account that may come back; returns what was done, in words."""
    done: list[str] = []
    desk.tell_of_lost()
    if not desk.ledger.has_stopped():
        return done
    while True:
        _clear_left(desk)
        before = {record.key: record for record in desk.ledger.peek_stopped()}
        holders, observed = desk.observe(())
        due: list[tuple[StoppedHolder, ExitStack]] = []
        going_down = False
        with desk.ledger.open() as book:
            own = [record for record in book.stopped.values() if record.uid == desk.uid]
            if any(before.get(record.key) != record for record in own):
                continue
            if desk.is_outdated(book, holders, observed):
                continue
            now = this_moment()
            runs = {one.key: one.runs for one in observed}
            for record in own:
                if record.key in holders:
                    going_down |= is_going_down(record, runs[record.key], now)
                elif not desk.ledger.is_changing(record.key):
                    done.append(f"{record.name} is no longer there, and is not started")
                    book.remove_stopped(record.key)
            if desk.settle(book, observed, now):
                desk.wake_next(book)
            changing = [one.key for one in observed if desk.ledger.is_changing(one.key)]
            seen = see_holders(observed, book.stopped, changing, now)
            claims = see_claims(book.claims.values(), uid=desk.uid)
            for key in decide(claims, seen, desk.capacity).restores:
                stack = ExitStack()
                if desk.ledger.hold_stopped(key, stack):
                    due.append((book.stopped[key], stack))
        try:
            for record, stack in due:
                with stack:
                    done.append(_start(desk, record, holders[record.key]))
        finally:
            for _, stack in due:
                stack.close()
        if not due and not (wait and going_down):
            desk.expect_return()
            return done
        if not due:
            time.sleep(SETTLE_EVERY)


def _clear_left(desk: Desk) -> None:
    """Remove the machines of claimants that died, which still have what holders gave up."""
    for claim in desk.ledger.peek().left.values():
        if claim.claimant.uid == desk.uid:
            desk.household.clear(claim.domain)


def _start(desk: Desk, record: StoppedHolder, holder: GivesWay) -> str:
    """Start one whose turn it is; the caller has the right to. Returns what became of it."""
    try:
        with desk.progress.phase(f"starting {record.name}, which gave way"):
            # It has what it claims while it runs, in the mode in which it has it.
            desk.modes.enter(record.wish, claimed="domain" in record.found_by)
            holder.start()
    except CharlyError as error:
        pause = min(RETRY_SECONDS * 2**record.tries, RETRY_AT_MOST)
        failed = replace(
            record,
            problem=error.message,
            tries=record.tries + 1,
            not_before=time.time() + pause,
            state=StopState.STOPPED,
        )
        with desk.ledger.open() as book:
            book.write_stopped(failed)
            desk.wake_next(book)
        told = f"{record.name} cannot be started again: {error.message}"
        desk.progress.note(f"{told}; it is tried again, `charly preempt restore` does so at once")
        return told
    with desk.ledger.open() as book:
        book.remove_stopped(record.key)
        if domain := record.found_by.get("domain", ""):
            book.write_claim(of_running_holder(record, domain, place=book.next_place()))
        desk.wake_next(book)
    desk.progress.note(f"{record.name} runs again")
    return f"{record.name} runs again"
