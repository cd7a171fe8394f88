"""Who gets what: a pure decision from what is claimed, who waits, and who would give way.

The line is one: first come, first served, also for a holder that was stopped and wants to come
back. Whoever waits in it keeps those behind from what it wants, so that nobody starves. A claimant
that has something already and wants more stands where it stood the first time, since all those
behind it wait for it anyway; where such claimants wait for each other, the last one to ask is
refused.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from operator import itemgetter

from charly_vm.arbiter.wish import Wish

_EXACT = 12
"""Among so many holders of an amount the fewest are found by trying; of more, the largest go."""


@dataclass(slots=True)
class Claim:
    """What is wanted or had, and by whom. Not frozen, since that takes most of the time to make
    very many; nobody changes one."""

    id: str
    place: float
    """Where it stands in the line; lower comes first."""
    wish: Wish
    granted: bool = False
    owner: str = ""
    """Claims of one owner do not exclude each other. Empty for one that is its own owner."""


class HolderState(str, Enum):
    """What a holder does at this moment."""

    RUNNING = "running"
    CHANGING = "being stopped or started"
    STOPPED = "stopped for a claimant"


@dataclass(frozen=True, slots=True)
class Holder:
    """A deploy that has agreed to give way."""

    name: str
    wish: Wish
    """What it has while it runs."""
    state: HolderState = HolderState.RUNNING
    place: float = 0.0
    """Where it stands in the line, of one that was stopped."""
    protected: str = ""
    """Why it does not give way now."""


class Why(str, Enum):
    """In what way somebody stands in the way."""

    HAS = "has it"
    AHEAD = "is ahead in the line"
    RUNS = "runs, and does not give way"
    CHANGES = "is being stopped or started"


@dataclass(frozen=True, slots=True)
class Blocker:
    """Who keeps a claim from a token: the id of a claim, or the name of a holder."""

    token: str
    why: Why
    who: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What may happen now. Carried out in full, it leaves nothing more to happen, but that a holder
    that is back may be stopped for whoever was behind it in the line."""

    grants: Mapping[str, tuple[str, ...]]
    """Claims that are granted now, each with the holders that have to be stopped for it."""
    restores: tuple[str, ...]
    """Holders that may come back."""
    refused: tuple[str, ...]
    """Claims that would wait for ever, each for somebody who waits for it."""
    line: tuple[str, ...]
    """Claims and holders that wait, in their order."""


def decide(
    claims: Sequence[Claim], holders: Sequence[Holder], capacity: Mapping[str, int]
) -> Decision:
    """What may happen now. `capacity` says how much of each token there is to be had in amounts;
    one that it does not name has no end. A wish for more than that is one for all of it."""
    table = _Table(claims, holders, capacity)
    grants: dict[str, tuple[str, ...]] = {}
    restores: list[str] = []
    line: list[str] = []
    for entry in table.line:
        stops = table.find_stops(entry)
        if stops is None:
            table.reserve(entry.wish)
            line.append(_key(entry))
            continue
        table.take(entry.wish, entry.owner if isinstance(entry, Claim) else "")
        if isinstance(entry, Holder):
            restores.append(entry.name)
        else:
            table.stopped.update(stops)
            grants[entry.id] = stops
    waiting = set(line)
    refused = _find_deadlocks([one for one in table.nested if one.id in waiting], claims, table)
    return Decision(grants, tuple(restores), refused, tuple(line))


def find_blockers(
    wanted: str, claims: Sequence[Claim], holders: Sequence[Holder], capacity: Mapping[str, int]
) -> tuple[Blocker, ...]:
    """Who keeps a waiting claim from what it wants: whoever has it, then who is ahead in the line.

    For people, who ask for one claim at a time.
    """
    table = _Table(claims, holders, capacity)
    claim = next(one for one in claims if one.id == wanted)
    found: list[Blocker] = []
    for token in claim.wish.tokens:
        found += [
            Blocker(token, Why.HAS, other.id)
            for other in claims
            if other.granted
            and not _same_owner(other, claim)
            and _clash(claim.wish, other.wish, token, capacity)
        ]
        found += [
            Blocker(token, stays, holder.name)
            for holder in holders
            if (stays := _why_it_stays(holder)) and _clash(claim.wish, holder.wish, token, capacity)
        ]
        found += [
            Blocker(token, Why.AHEAD, _key(ahead))
            for ahead in itertools.takewhile(lambda entry: _key(entry) != wanted, table.line)
            if _clash(claim.wish, ahead.wish, token, capacity)
        ]
    return tuple(found)


def _why_it_stays(holder: Holder) -> Why | None:
    """Why a holder does not give way now; None where it does, or is down."""
    if holder.state is HolderState.CHANGING:
        return Why.CHANGES
    return Why.RUNS if holder.state is HolderState.RUNNING and holder.protected else None


def _key(entry: Claim | Holder) -> str:
    return entry.id if isinstance(entry, Claim) else entry.name


def _same_owner(one: Claim, other: Claim) -> bool:
    return one.id == other.id or bool(one.owner and one.owner == other.owner)


def _clash(wish: Wish, other: Wish, token: str, capacity: Mapping[str, int]) -> bool:
    """Whether two wishes for a token get into each other's way."""
    if token not in other.tokens:
        return False
    if token in wish.exclusive or token in other.exclusive:
        return True
    return token in capacity and token in wish.amounts and token in other.amounts


@dataclass(slots=True)
class _Use:
    """How a token is used, or wanted by those ahead."""

    exclusive: int = 0
    others: int = 0
    """Uses that are not exclusive, whatever their amount."""
    amount: int = 0


@dataclass(slots=True)
class _Table:
    """Tokens, and who has them while the line is gone through."""

    claims: Sequence[Claim]
    holders: Sequence[Holder]
    capacity: Mapping[str, int]
    used: dict[str, _Use] = field(default_factory=dict)
    own: dict[str, dict[str, _Use]] = field(default_factory=dict)
    """Of what is used, the part of each owner that has something."""
    reserved: dict[str, _Use] = field(default_factory=dict)
    stopped: set[str] = field(default_factory=set)
    nested: list[Claim] = field(default_factory=list)
    """Waiting claims of owners that have something."""
    line: list[Claim | Holder] = field(default_factory=list)
    by_token: dict[str, list[Holder]] = field(default_factory=dict)
    """The holders that have it now."""

    def __post_init__(self) -> None:
        first: dict[str, float] = {}
        for claim in self.claims:
            if claim.granted:
                self.take(claim.wish, claim.owner)
                if claim.owner:
                    first[claim.owner] = min(claim.place, first.get(claim.owner, claim.place))
        waiting: list[tuple[float, float, str, Claim | Holder]] = []
        for claim in self.claims:
            if not claim.granted:
                place = first.get(claim.owner, claim.place)
                waiting.append((place, claim.place, claim.id, claim))
                if claim.owner in first:
                    self.nested.append(claim)
        for holder in self.holders:
            if holder.state is HolderState.STOPPED:
                waiting.append((holder.place, holder.place, holder.name, holder))
                continue
            for token in holder.wish.tokens:
                self.by_token.setdefault(token, []).append(holder)
        waiting.sort(key=itemgetter(0, 1, 2))
        self.line = [entry[3] for entry in waiting]

    def take(self, wish: Wish, owner: str) -> None:
        self._add(self.used, wish)
        if owner:
            self._add(self.own.setdefault(owner, {}), wish)

    def give_back(self, wish: Wish, owner: str) -> None:
        self._add(self.used, wish, -1)
        if owner:
            self._add(self.own.setdefault(owner, {}), wish, -1)

    def reserve(self, wish: Wish) -> None:
        self._add(self.reserved, wish)

    def find_stops(self, entry: Claim | Holder) -> tuple[str, ...] | None:
        """The holders that have to be stopped for it; None where it has to wait."""
        wish = entry.wish
        owner = entry.owner if isinstance(entry, Claim) else ""
        if not self._is_free(wish, owner, self.reserved):
            return None
        if not self.by_token:
            return ()
        return self._choose_stops(wish, owner)

    def is_free_of_claims(self, claim: Claim) -> bool:
        """Whether no claim has what this one wants, whoever is ahead and whatever runs."""
        return self._is_free(claim.wish, claim.owner, {})

    def _is_free(self, wish: Wish, owner: str, reserved: Mapping[str, _Use]) -> bool:
        own = self.own.get(owner, {}) if owner else {}
        nested = bool(own)
        for token in wish.exclusive:
            if self._count(token, own) or (not nested and self._is_wanted(token, reserved)):
                return False
        for token in wish.shared:
            if self._count_exclusive(token, own):
                return False
            ahead = None if nested else reserved.get(token)
            if ahead is not None and ahead.exclusive:
                return False
        for token, amount in wish.amounts.items():
            if self._count_exclusive(token, own):
                return False
            ahead = None if nested else reserved.get(token)
            if ahead is not None and (ahead.exclusive or ahead.amount):
                return False
            if self._missing(token, amount) > 0:
                return False
        return True

    def _missing(self, token: str, amount: int) -> int:
        """How much of an amount is not there, holders left out of account."""
        whole = self.capacity.get(token)
        if whole is None:
            return 0
        use = self.used.get(token)
        return min(amount, whole) + (use.amount if use else 0) - whole

    def _count(self, token: str, own: Mapping[str, _Use]) -> int:
        """How many others have it in any way."""
        use = self.used.get(token)
        if use is None:
            return 0
        mine = own.get(token)
        return use.exclusive + use.others - (mine.exclusive + mine.others if mine else 0)

    def _count_exclusive(self, token: str, own: Mapping[str, _Use]) -> int:
        use = self.used.get(token)
        if use is None:
            return 0
        mine = own.get(token)
        return use.exclusive - (mine.exclusive if mine else 0)

    def _is_wanted(self, token: str, reserved: Mapping[str, _Use]) -> bool:
        ahead = reserved.get(token)
        return ahead is not None and bool(ahead.exclusive or ahead.others)

    def _choose_stops(self, wish: Wish, owner: str) -> tuple[str, ...] | None:
        """Of the holders that run, the fewest that have to give way."""
        chosen: dict[str, Holder] = {}
        for token in wish.tokens:
            for holder in self.by_token.get(token, ()):
                clashes = token in wish.exclusive or token in holder.wish.exclusive
                if clashes and holder.name not in self.stopped:
                    chosen[holder.name] = holder
        missing = self._missing_beside_holders(wish, chosen)
        if missing:
            more = self._choose_for_amounts(missing, chosen)
            if more is None:
                return None
            chosen.update({holder.name: holder for holder in more})
        if any(not _gives_way(holder) for holder in chosen.values()):
            return None
        return tuple(chosen)

    def _missing_beside_holders(self, wish: Wish, gone: Mapping[str, Holder]) -> dict[str, int]:
        """How much of each amount is not there while those holders run that are not gone."""
        missing = {}
        for token, amount in wish.amounts.items():
            running = self._running(token, gone)
            taken = sum(holder.wish.amounts.get(token, 0) for holder in running)
            lack = self._missing(token, amount) + taken
            if token in self.capacity and lack > 0 and taken:
                missing[token] = lack
        return missing

    def _running(self, token: str, gone: Mapping[str, Holder]) -> list[Holder]:
        return [
            holder
            for holder in self.by_token.get(token, ())
            if holder.name not in gone and holder.name not in self.stopped
        ]

    def _choose_for_amounts(
        self, missing: Mapping[str, int], gone: Mapping[str, Holder]
    ) -> Sequence[Holder] | None:
        able = {
            holder.name: holder
            for token in missing
            for holder in self._running(token, gone)
            if _gives_way(holder)
        }
        # The largest first, so that of equally few those are found that are surely enough.
        candidates = sorted(
            able.values(),
            key=lambda holder: sum(holder.wish.amounts.get(token, 0) for token in missing),
            reverse=True,
        )
        if len(candidates) <= _EXACT:
            sets: Iterator[Sequence[Holder]] = (
                some
                for count in range(1, len(candidates) + 1)
                for some in itertools.combinations(candidates, count)
            )
        else:
            sets = (candidates[:count] for count in range(1, len(candidates) + 1))
        return next((some for some in sets if _frees(some, missing)), None)

    def _add(self, uses: dict[str, _Use], wish: Wish, times: int = 1) -> None:
        for token in wish.exclusive:
            use = uses.get(token) or uses.setdefault(token, _Use())
            use.exclusive += times
        for token in wish.shared:
            use = uses.get(token) or uses.setdefault(token, _Use())
            use.others += times
        for token, amount in wish.amounts.items():
            use = uses.get(token) or uses.setdefault(token, _Use())
            use.others += times
            use.amount += times * min(amount, self.capacity.get(token, amount))


def _gives_way(holder: Holder) -> bool:
    return holder.state is HolderState.RUNNING and not holder.protected


def _frees(holders: Iterable[Holder], missing: Mapping[str, int]) -> bool:
    chosen = list(holders)
    return all(
        sum(holder.wish.amounts.get(token, 0) for holder in chosen) >= amount
        for token, amount in missing.items()
    )


def _find_deadlocks(
    waiting: Sequence[Claim], claims: Sequence[Claim], table: _Table
) -> tuple[str, ...]:
    """Claims to refuse so that nobody waits in a circle.

    Whoever does not wait will end some time and give back what they have, and so will each who
    can go on then. Of those that are left, each waits for another one of them.
    """
    refused: list[str] = []
    stuck = list(waiting)
    if not stuck:
        return ()
    had: dict[str, list[Claim]] = {claim.owner: [] for claim in stuck}
    for claim in claims:
        if claim.granted and claim.owner in had:
            had[claim.owner].append(claim)
        elif claim.granted:
            table.give_back(claim.wish, claim.owner)
    while stuck:
        able = next((one for one in stuck if table.is_free_of_claims(one)), None)
        if able is None:
            able = max(stuck, key=lambda claim: (claim.place, claim.id))
            refused.append(able.id)
        stuck.remove(able)
        if all(claim.owner != able.owner for claim in stuck):
            for claim in had[able.owner]:
                table.give_back(claim.wish, claim.owner)
    return tuple(refused)
