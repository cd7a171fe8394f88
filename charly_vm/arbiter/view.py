"""The ledger and the holders as the policy sees them: pure, from records and what was observed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from charly_vm.arbiter.ledger import NEVER_TAKEN, Right
from charly_vm.arbiter.policy import Claim, Holder, HolderState
from charly_vm.arbiter.records import ClaimRecord, Life, StoppedHolder, StopState
from charly_vm.arbiter.wish import Wish, make_wish
from charly_vm.host.boot import Moment

PATIENCE_SECONDS = 1800.0
"""For so long after it was stopped a holder lets claimants go first that came after that."""
SETTLE_SECONDS = 15.0
"""On top of its grace, for one that was asked to stop and that nobody waited for."""


@dataclass(frozen=True, slots=True)
class Observed:
    """A holder as it was a moment ago."""

    key: str
    name: str
    wish: Wish
    runs: bool
    protected: str = ""
    domain: str = ""
    """Of one that is a machine."""
    record: StoppedHolder | None = None
    """What the ledger said of it just before. Where it says something else now, whether it runs may
    be out of date."""
    right: Right = NEVER_TAKEN
    """The right to stop or start it, as it was just before."""


def see_claims(records: Iterable[ClaimRecord], *, uid: int) -> list[Claim]:
    """Claims for the policy. Those of this account's holders are left out, since it can be seen
    whether these run."""
    records = list(records)
    everything = Wish()
    if any(record.unreadable for record in records):
        everything = make_wish({token for record in records for token in record.wish.tokens})
    return [
        Claim(
            record.id,
            record.place,
            everything if record.unreadable else record.wish,
            record.is_granted,
            record.owner,
        )
        for record in records
        if not is_own_holder(record, uid)
    ]


def is_own_holder(record: ClaimRecord, uid: int) -> bool:
    """Whether it stands for a machine of this account that gives way."""
    return record.life is Life.HOLDER and record.claimant.uid == uid


def see_holders(
    observed: Iterable[Observed],
    stopped: Mapping[str, StoppedHolder],
    changing: Iterable[str],
    now: Moment,
) -> list[Holder]:
    """Holders for the policy; `changing` are those that somebody stops or starts."""
    busy = set(changing)
    holders = []
    for one in observed:
        record = stopped.get(one.key)
        if one.key in busy or (record is not None and is_going_down(record, one.runs, now)):
            state = HolderState.CHANGING
        elif one.runs:
            state = HolderState.RUNNING
        elif record is not None and not record.stays_down and record.not_before <= now.seconds:
            state = HolderState.STOPPED
        else:
            continue
        place = record.since + PATIENCE_SECONDS if record else 0.0
        holders.append(Holder(one.key, one.wish, state, place, one.protected))
    return holders


def is_going_down(record: StoppedHolder, runs: bool, now: Moment) -> bool:
    """Whether it may still stop by itself, since it was asked to and nobody has waited."""
    asked = record.state is StopState.ASKED and record.boot_id == now.boot_id
    return asked and runs and now.seconds < record.since + record.grace + SETTLE_SECONDS


def is_up_again(record: StoppedHolder, runs: bool, now: Moment) -> bool:
    """Whether a holder on record needs nobody: it has not stopped, or somebody has started it."""
    return runs and not is_going_down(record, runs, now)
