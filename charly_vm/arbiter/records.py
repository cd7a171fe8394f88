"""What the ledger keeps, as data: claims, and holders that were stopped for them.

The text is JSON with a `format`. A record of a newer format counts with what of it is known here: a
claim is never rewritten, and a stopped holder keeps what is not understood. A claim that says
nothing that can be understood counts as one of everything, for as long as its owner lives.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from charly_vm.arbiter.wish import Wish

FORMAT = 1
_ODD = (KeyError, TypeError, ValueError, AttributeError, OverflowError)
"""What comes of taking data for a record that is none."""


@dataclass(frozen=True, slots=True)
class Claimant:
    """Who claims, for people; whether they live is told by a lock."""

    name: str
    """A bed, a deploy, a test or a command."""
    user: str
    uid: int
    pid: int
    command: str = ""
    worker: str = ""
    """Of pytest-xdist: gw0."""
    test: str = ""
    """A test's id."""

    def __str__(self) -> str:
        told = [f"pid {self.pid}", self.worker, self.test]
        return f"{self.name} ({', '.join(filter(None, told))})"


class Life(str, Enum):
    """What a claim's life hangs on."""

    OWNER = "owner"
    """A lock that somebody holds."""
    MACHINE = "machine"
    """A machine that was made by hand or kept: as long as that is there."""
    HOLDER = "holder"
    """A machine that runs and gives way: as long as it runs."""


@dataclass(frozen=True, slots=True)
class ClaimRecord:
    """One claim. `domain` is the machine that has what is claimed, where it is one."""

    id: str
    claimant: Claimant
    wish: Wish
    place: float
    """Its place in the line, which is when it came: seconds since the epoch."""
    boot_id: str
    life: Life = Life.OWNER
    granted: float = 0.0
    """When it was granted; 0 while it waits."""
    owner: str = ""
    """Claims of one owner do not exclude each other."""
    domain: str = ""
    newer: bool = False
    """Written by a newer charly, and so not ours to write."""
    unreadable: bool = False
    """Nothing is known but that it is there."""

    @property
    def hangs_on_unknown(self) -> bool:
        """Whether nobody here can tell if it has ended: it counts until it is taken out by hand."""
        return self.newer and self.unreadable

    @property
    def is_granted(self) -> bool:
        return self.granted > 0


class StopState(str, Enum):
    """How far a holder has come on its way down."""

    LISTED = "listed"
    """It will be asked."""
    ASKED = "asked"
    """It was asked, and may go down even where nobody waits for that any more."""
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class StoppedHolder:
    """A holder that is stopped for claims, with all that it takes to bring it back."""

    key: str
    """Its name in the ledger."""
    uid: int
    """The account that can start it."""
    user: str
    """Its name."""
    found_by: Mapping[str, str]
    """What it is, in the words of whoever looks after holders."""
    wish: Wish
    """What it has while it runs."""
    claims: tuple[str, ...]
    """The ids of the claims that it gave way to."""
    claimant: str
    """The first of them, in words."""
    since: float
    boot_id: str
    state: StopState = StopState.LISTED
    grace: float = 60.0
    """How long it may take to stop, in seconds."""
    on_success: bool = False
    """Whether it comes back only when its claimants have succeeded."""
    failed: str = ""
    """A claimant that has not."""
    problem: str = ""
    """Why it could not be started the last time."""
    tries: int = 0
    not_before: float = 0.0
    """When it is tried again."""
    unknown: Mapping[str, Any] = field(default_factory=dict)
    """What else a newer charly has written, its format among it; written again with the rest."""

    @property
    def name(self) -> str:
        return self.found_by.get("name", self.key)

    @property
    def stays_down(self) -> bool:
        """Whether its author wants it to stay down, since a claimant failed."""
        return self.on_success and bool(self.failed)


def machine_claim_id(life: Life, uid: int, domain: str) -> str:
    """The id of a claim that lives by a machine: there is one of each kind per machine."""
    return f"{life.value}-{uid}-{domain}"


def of_running_holder(record: StoppedHolder, domain: str, *, place: float) -> ClaimRecord:
    """What tells other accounts that a machine, which was down, has again what it gives way
    with."""
    return ClaimRecord(
        id=machine_claim_id(Life.HOLDER, record.uid, domain),
        claimant=Claimant(record.name, record.user, record.uid, 0),
        wish=record.wish,
        place=place,
        boot_id=record.boot_id,
        life=Life.HOLDER,
        granted=place,
        domain=domain,
    )


def claim_as_json(record: ClaimRecord) -> str:
    data = dataclasses.asdict(record)
    del data["newer"], data["unreadable"]
    return _as_json(data)


def stopped_as_json(record: StoppedHolder) -> str:
    data = dataclasses.asdict(record)
    return _as_json({**data.pop("unknown"), **data})


def is_of_newer_format(text: bytes) -> bool:
    """Whether a record says that a newer charly has written it."""
    version = (_read(text) or {}).get("format")
    return isinstance(version, int) and version > FORMAT


def read_claim(identifier: str, text: bytes) -> ClaimRecord:
    """The record with this id; `unreadable` where it cannot be understood."""
    unknown = ClaimRecord(
        id=identifier,
        claimant=Claimant("a claim that cannot be read", "", -1, 0),
        wish=Wish(),
        place=0.0,
        boot_id="",
        granted=1.0,
        unreadable=True,
    )
    data = _read(text)
    if data is None:
        return unknown
    newer = data.get("format", 0) != FORMAT
    try:
        record = ClaimRecord(
            id=identifier,
            claimant=_claimant(data["claimant"]),
            wish=_wish(data["wish"]),
            place=_number(data["place"]),
            boot_id=str(data["boot_id"]),
            life=Life(data["life"]),
            granted=_number(data["granted"]),
            owner=str(data.get("owner", "")),
            domain=str(data.get("domain", "")),
            newer=newer,
        )
    except _ODD:
        return replace(unknown, newer=newer)
    return record


def read_stopped(key: str, text: bytes) -> StoppedHolder | None:
    """The record of this holder; None where it cannot be understood."""
    data = _read(text)
    if data is None:
        return None
    if data.get("format") == FORMAT:
        del data["format"]
    try:
        return StoppedHolder(
            key=key,
            uid=int(data["uid"]),
            user=str(data["user"]),
            found_by={str(name): str(value) for name, value in data["found_by"].items()},
            wish=_wish(data["wish"]),
            claims=_names(data["claims"]),
            claimant=str(data["claimant"]),
            since=_number(data["since"]),
            boot_id=str(data["boot_id"]),
            state=StopState(data["state"]),
            grace=_number(data.get("grace", 60.0)),
            on_success=bool(data.get("on_success", False)),
            failed=str(data.get("failed", "")),
            problem=str(data.get("problem", "")),
            tries=int(data.get("tries", 0)),
            not_before=_number(data.get("not_before", 0.0)),
            unknown={name: data[name] for name in data.keys() - _STOPPED_FIELDS},
        )
    except _ODD:
        return None


_STOPPED_FIELDS = {one.name for one in dataclasses.fields(StoppedHolder)} - {"unknown"}


def _as_json(data: Mapping[str, Any]) -> str:
    return json.dumps({"format": FORMAT, **data}) + "\n"


def _read(text: bytes) -> dict[str, Any] | None:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _claimant(data: Mapping[str, Any]) -> Claimant:
    told = {name: str(data.get(name, "")) for name in ("command", "worker", "test")}
    name, user = str(data["name"]), str(data["user"])
    return Claimant(name, user, int(data["uid"]), int(data["pid"]), **told)


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{number} is no moment")
    return number


def _wish(data: Mapping[str, Any]) -> Wish:
    amounts = {str(token): int(amount) for token, amount in data.get("amounts", {}).items()}
    return Wish(_names(data.get("exclusive", ())), _names(data.get("shared", ())), amounts)


def _names(data: Sequence[Any]) -> tuple[str, ...]:
    if isinstance(data, str):
        raise TypeError("a list of names is meant")
    return tuple(str(name) for name in data)
