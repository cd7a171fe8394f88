"""What somebody waits for, in words: who has it, since when, and when it is expected free."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from charly_vm.arbiter.history import History
from charly_vm.arbiter.ledger import Book
from charly_vm.arbiter.policy import Blocker, Why
from charly_vm.arbiter.records import ClaimRecord, Life
from charly_vm.arbiter.view import Observed
from charly_vm.host.amounts import format_seconds

_SHOWN = 3
_ORDINALS = ("next", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
_ENDINGS = {1: "st", 2: "nd", 3: "rd"}


def explain_wait(
    record: ClaimRecord,
    blockers: Sequence[Blocker],
    book: Book,
    observed: Iterable[Observed],
    history: History,
) -> str:
    """`nvidia-gpu is held exclusively by check-x (pid 7, gw1, since 20:10); third in line; expected
    free in 4 m`."""
    names = {one.key: one for one in observed}
    parts: list[str] = []
    ahead: dict[str, None] = {}
    ends: list[float | None] = []
    told: set[str] = set()
    for blocker in blockers:
        if blocker.why is Why.AHEAD:
            ahead[blocker.who] = None
            continue
        if blocker.who in told:
            continue
        told.add(blocker.who)
        holder = names.get(blocker.who)
        claim = book.claims.get(blocker.who)
        if holder is not None:
            parts.append(
                f"{blocker.token} is held by {holder.name}, {_tell_holder(blocker, holder)}"
            )
            ends.append(None)
        elif claim is not None:
            left = claim.id in book.left
            parts.append(f"{blocker.token} {describe_use(claim, blocker.token, left=left)}")
            ends.append(history.expect_end(claim))
    shown = [*parts[:_SHOWN], *([f"and by {len(parts) - _SHOWN} more"] if parts[_SHOWN:] else [])]
    if ahead:
        shown.append(f"{_ordinal(len(ahead))} in line")
    known = [end for end in ends if end is not None]
    if known and len(known) == len(ends):
        shown.append(f"expected free in {format_seconds(max(known))}")
    return "; ".join(shown)


def describe_use(claim: ClaimRecord, token: str, *, left: bool = False) -> str:
    """`is held exclusively by check-x (pid 7, since 20:10)`."""
    who = claim.claimant
    if claim.unreadable:
        return f"may be held by a claim that this charly cannot read ({claim.id})"
    how = "exclusively " if token in claim.wish.exclusive else ""
    since = time.strftime("%H:%M", time.localtime(claim.granted))
    told = [f"pid {who.pid}", who.worker, who.test, f"since {since}"]
    if claim.life is not Life.OWNER:
        told = [f"machine of {who.user}", f"since {since}"]
    if left:
        told.append("dead, its machine is still there")
    return f"is held {how}by {who.name} ({', '.join(filter(None, told))})"


def _tell_holder(blocker: Blocker, holder: Observed) -> str:
    if blocker.why is Why.CHANGES:
        return "which is being stopped or started"
    return f"which does not give way: {holder.protected}"


def _ordinal(ahead: int) -> str:
    """The place of who has so many before them."""
    place = ahead + 1
    if place <= len(_ORDINALS):
        return _ORDINALS[place - 1]
    teen = place // 10 % 10 == 1
    return f"{place}{'th' if teen else _ENDINGS.get(place % 10, 'th')}"
