"""Ten thousand beds on 64 hosts, by the policy alone: nobody is overtaken by one who came later and
wants the same, nobody waits for longer than all those before take, and all come to their end.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from charly_vm.arbiter.policy import Claim, Holder, HolderState, decide
from charly_vm.arbiter.wish import Wish, make_wish

pytestmark = pytest.mark.slow

HOSTS = 64
BEDS = 10_000
CAPACITY = {"ram": 64, "cpus": 16, "licence": 2}
STATION = make_wish(["gpu"], amounts={"ram": 8})
PATIENCE = 200.0
"""For so long a station that has given way lets those go first that come later."""


@dataclass
class Bed:
    """One claimant. `more` is what it asks for while it has the rest."""

    name: str
    wish: Wish
    seconds: float
    more: Wish | None = None
    came: float = 0.0
    began: float = -1.0
    ended: float = -1.0
    at_most: float = 0.0
    """How long all those take that were there when it came."""


def clash(one: Wish, other: Wish) -> bool:
    """The test's own opinion on whether two get into each other's way."""
    for token in set(one.tokens) & set(other.tokens):
        if token in one.exclusive or token in other.exclusive:
            return True
        if token in one.amounts and token in other.amounts:
            return True
    return False


@dataclass
class Host:
    """One host: its line, and what happens there, one event after the other."""

    events: list[tuple[float, int, str, Bed]] = field(default_factory=list)
    claims: dict[str, Claim] = field(default_factory=dict)
    beds: dict[str, Bed] = field(default_factory=dict)
    station: Holder = field(default_factory=lambda: Holder("station", STATION))
    refused: int = 0
    restored: int = 0
    _count: int = 0

    def plan(self, at: float, what: str, bed: Bed) -> None:
        self._count += 1
        heapq.heappush(self.events, (at, self._count, what, bed))

    def run(self) -> None:
        """Until nothing more happens."""
        while self.events:
            now, _, what, bed = heapq.heappop(self.events)
            getattr(self, f"_{what}")(now, bed)
            self._decide(now)

    def _come(self, now: float, bed: Bed) -> None:
        bed.came = now
        bed.at_most = sum(one.seconds for one in self.beds.values() if one.ended < 0)
        self.beds[bed.name] = bed
        self.claims[bed.name] = Claim(bed.name, self._place(now), bed.wish, owner=bed.name)

    def _ask(self, now: float, bed: Bed) -> None:
        assert bed.more is not None
        name = f"{bed.name}+"
        self.claims[name] = Claim(name, self._place(now), bed.more, owner=bed.name)

    def _end(self, now: float, bed: Bed) -> None:
        bed.ended = now
        del self.claims[bed.name]
        self.claims.pop(f"{bed.name}+", None)

    def _place(self, now: float) -> float:
        self._count += 1
        return now + self._count * 1e-9

    def _decide(self, now: float) -> None:
        """Carry decisions out until nothing changes."""
        while True:
            before = list(self.claims.values())
            decision = decide(before, [self.station], CAPACITY)
            for name, stops in decision.grants.items():
                self._grant(now, name, decision.line)
                if stops:
                    assert self.station.state is HolderState.RUNNING
                    place = now + PATIENCE
                    self.station = replace(self.station, state=HolderState.STOPPED, place=place)
            if decision.restores:
                self.restored += 1
                self.station = replace(self.station, state=HolderState.RUNNING)
            for name in decision.refused:
                self._refuse(now, name)
            self._judge()
            if not (decision.refused or decision.restores):
                return

    def _grant(self, now: float, name: str, line: tuple[str, ...]) -> None:
        claim = self.claims[name]
        self.claims[name] = replace(claim, granted=True)
        bed = self.beds[claim.owner]
        if name != bed.name:
            self.plan(now + bed.seconds / 2, "end", bed)
            return
        bed.began = now
        for other in map(self.claims.get, line):
            if other is not None and other.place < claim.place:
                assert not clash(other.wish, claim.wish), f"{name} overtakes {other}"
        if bed.more is None:
            self.plan(now + bed.seconds, "end", bed)
        else:
            self.plan(now + bed.seconds / 2, "ask", bed)

    def _refuse(self, now: float, name: str) -> None:
        """It gives back what it has, and comes again with all that it wants."""
        self.refused += 1
        bed = self.beds.pop(self.claims.pop(name).owner)
        del self.claims[bed.name]
        assert bed.more is not None
        whole = make_wish(
            (*bed.wish.exclusive, *bed.more.exclusive),
            (*bed.wish.shared, *bed.more.shared),
            {**bed.wish.amounts, **bed.more.amounts},
        )
        self.plan(now, "come", replace(bed, wish=whole, more=None))

    def _judge(self) -> None:
        """Nobody has what somebody else has."""
        granted = [claim for claim in self.claims.values() if claim.granted]
        alone = {token: claim.owner for claim in granted for token in claim.wish.exclusive}
        for claim in granted:
            assert all(alone.get(token, claim.owner) == claim.owner for token in claim.wish.tokens)
        for token, whole in CAPACITY.items():
            assert sum(claim.wish.amounts.get(token, 0) for claim in granted) <= whole
        if self.station.state is HolderState.RUNNING:
            assert not any("gpu" in claim.wish.tokens for claim in granted)


def make_wishes(chance: random.Random) -> Iterator[Wish]:
    while True:
        amounts = {"ram": chance.choice((2, 4, 8, 16)), "cpus": chance.choice((1, 2, 4))}
        if chance.random() < 0.15:
            amounts["licence"] = 1
        kind = chance.random()
        yield make_wish(
            ["gpu"] if kind < 0.2 else (), ["gpu"] if 0.2 <= kind < 0.3 else (), amounts
        )


def make_hosts(seed: int, beds: int, *, nested: bool = False) -> list[Host]:
    chance = random.Random(seed)
    hosts = [Host() for _ in range(HOSTS)]
    wishes = make_wishes(chance)
    times = [0.0] * HOSTS
    for number in range(beds):
        place = number % HOSTS
        # As many as the host has room for, in bursts.
        times[place] += chance.expovariate(1 / 25) if chance.random() < 0.5 else 0.0
        more = make_wish([chance.choice(("gpu", "dongle"))]) if nested and number % 4 == 0 else None
        wish = next(wishes)
        if more is not None:
            wish = make_wish(["dongle"] if "gpu" in more.exclusive else ["gpu"])
        bed = Bed(f"bed-{number}", wish, chance.uniform(5, 120), more)
        hosts[place].plan(times[place], "come", bed)
    return hosts


@pytest.fixture(scope="module")
def hosts() -> list[Host]:
    made = make_hosts(1, BEDS)
    for host in made:
        host.run()
    return made


def test_all_come_to_their_end_and_every_station_runs_again(hosts: list[Host]) -> None:
    beds = [bed for host in hosts for bed in host.beds.values()]
    assert len(beds) == BEDS
    assert all(bed.ended >= bed.began >= bed.came for bed in beds)
    assert not any(host.claims or host.refused for host in hosts)
    assert all(host.station.state is HolderState.RUNNING for host in hosts)


def test_many_have_waited_or_nothing_was_shown(hosts: list[Host]) -> None:
    waited = [bed for host in hosts for bed in host.beds.values() if bed.began > bed.came]
    assert len(waited) > BEDS // 4
    assert sum(host.restored for host in hosts) > HOSTS


def test_nobody_waits_longer_than_all_take_that_were_there_before(hosts: list[Host]) -> None:
    for host in hosts:
        for bed in host.beds.values():
            assert bed.began - bed.came <= bed.at_most + 1e-6, bed


def test_those_who_ask_for_more_wait_in_no_circle() -> None:
    """Some have the card and want the dongle, others the other way round."""
    hosts = make_hosts(2, BEDS // 5, nested=True)
    for host in hosts:
        host.run()
    beds = [bed for host in hosts for bed in host.beds.values()]
    assert len(beds) == BEDS // 5
    assert all(bed.ended >= bed.began for bed in beds)
    assert not any(host.claims for host in hosts)
    assert sum(host.refused for host in hosts) > 0
