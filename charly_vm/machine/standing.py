"""How things stand on this host, for people: who has what, who waits and why, and who gave way."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from charly_vm.arbiter.claiming import Arbiter
from charly_vm.arbiter.explanation import explain_wait
from charly_vm.arbiter.inhibition import find_inhibition
from charly_vm.arbiter.ledger import Book
from charly_vm.arbiter.policy import find_blockers
from charly_vm.arbiter.records import ClaimRecord, Life, StoppedHolder
from charly_vm.arbiter.view import Observed, see_claims, see_holders
from charly_vm.host.boot import this_moment
from charly_vm.machine.arbitration import find_arbiter
from charly_vm.model.project import Project


@dataclass(frozen=True, slots=True)
class ClaimStanding:
    """One claim."""

    id: str
    what: str
    state: str
    """`granted`, `waiting`, or `left` by a claimant that died and whose machine is still there."""
    who: str
    why: str
    """What it waits for, or since when it has it."""


@dataclass(frozen=True, slots=True)
class HolderStanding:
    """One deploy that gives way."""

    name: str
    what: str
    state: str
    """`running`, `stopped`, or `changing`."""
    why: str
    """Why it does not give way, or to whom it has."""


@dataclass(frozen=True, slots=True)
class Standing:
    """All of it, as it is at this moment."""

    claims: tuple[ClaimStanding, ...]
    holders: tuple[HolderStanding, ...]
    notes: tuple[str, ...]


def find_standing(project: Project | None) -> Standing:
    """Look at the ledger and at the holders, and change nothing."""
    arbiter = find_arbiter(project)
    book = arbiter.ledger.peek()
    _, observed = arbiter.observe(arbiter.household.all_tokens())
    claims = sorted(book.claims.values(), key=lambda one: (not one.is_granted, one.place))
    return Standing(
        tuple(_claim(arbiter, claim, book, observed) for claim in claims),
        tuple(_holders(arbiter, book, observed)),
        tuple(_notes(arbiter, book)),
    )


def _claim(
    arbiter: Arbiter, claim: ClaimRecord, book: Book, observed: list[Observed]
) -> ClaimStanding:
    state = "left" if claim.id in book.left else "granted" if claim.is_granted else "waiting"
    who = str(claim.claimant) if claim.life is Life.OWNER else f"machine {claim.domain}"
    if claim.claimant.uid not in (arbiter.uid, -1):
        who = f"{who} of {claim.claimant.user}"
    if state == "waiting":
        why = _explain(arbiter, claim, book, observed)
    else:
        why = f"since {_moment(claim.granted)}"
    what = "unknown; it counts as everything" if claim.unreadable else str(claim.wish)
    return ClaimStanding(claim.id, what, state, who, why)


def _explain(arbiter: Arbiter, claim: ClaimRecord, book: Book, observed: list[Observed]) -> str:
    changing = [one.key for one in observed if arbiter.ledger.is_changing(one.key)]
    holders = see_holders(observed, book.stopped, changing, this_moment())
    claims = see_claims(book.claims.values(), uid=arbiter.uid)
    if all(one.id != claim.id for one in claims):
        return ""
    blockers = find_blockers(claim.id, claims, holders, arbiter.capacity)
    return explain_wait(claim, blockers, book, observed, arbiter.history)


def _holders(arbiter: Arbiter, book: Book, observed: list[Observed]) -> Iterable[HolderStanding]:
    seen = set()
    for one in observed:
        seen.add(one.key)
        record = book.stopped.get(one.key)
        if arbiter.ledger.is_changing(one.key):
            yield HolderStanding(one.name, str(one.wish), "changing", _told(record))
        elif one.runs:
            yield HolderStanding(one.name, str(one.wish), "running", one.protected)
        elif record is not None:
            yield HolderStanding(one.name, str(one.wish), "stopped", _told(record))
    for key, record in book.stopped.items():
        if key not in seen:
            told = f"{_told(record)}; of {record.user}"
            yield HolderStanding(record.name, str(record.wish), "stopped", told)


def _told(record: StoppedHolder | None) -> str:
    if record is None:
        return ""
    told = [f"gave way to {record.claimant} at {_moment(record.since)}"]
    if record.stays_down:
        told.append(f"stays down, since {record.failed} failed (`charly preempt restore`)")
    if record.problem:
        told.append(f"could not be started: {record.problem}")
    return "; ".join(told)


def _notes(arbiter: Arbiter, book: Book) -> Iterable[str]:
    if until := find_inhibition(arbiter.ledger, arbiter.uid):
        yield f"no holder of this account gives way until {_moment(until)}"
    if damaged := arbiter.ledger.find_damaged():
        place = arbiter.ledger.directory / "damaged"
        yield f"records that cannot be read were put aside in {place}: {', '.join(damaged)}"


def _moment(seconds: float) -> str:
    moment = time.localtime(seconds)
    today = time.localtime()[:3] == moment[:3]
    return time.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M", moment)
