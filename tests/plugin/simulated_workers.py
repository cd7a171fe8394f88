"""Workers of pytest-xdist that run beds in simulated time, under a real scheduler.

A worker behaves as xdist's do: it runs an item when it knows the next one. A bed claims with its
first item, waits first come, first served, and gives everything back with its last one.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from charly_vm.arbiter.policy import Claim, decide
from charly_vm.arbiter.wish import Wish
from pytest_charly.distribution import label, place_in
from pytest_charly.scheduling import Mode, modes_of


@dataclass(frozen=True)
class SimulatedBed:
    """A bed of some checks, or, without checks of a bed's, a test that has to do with none."""

    name: str
    wish: Wish = field(default_factory=Wish)
    seconds: float = 60.0
    checks: int = 4

    @property
    def ids(self) -> list[str]:
        """As workers label them."""
        first = label(f"{self.name}::0", (self.name, "deployed"), self.wish)
        rest = (
            label(f"{self.name}::{number}", (self.name, "deployed"))
            for number in range(1, self.checks)
        )
        return [first, *rest] if self.checks else [f"{self.name}.py::test"]


@dataclass
class Outcome:
    """What became of a run."""

    begun: list[str] = field(default_factory=list)
    """Beds, in the order in which they had what they claim."""
    ran: list[str] = field(default_factory=list)
    """Ids, as people see them."""
    crashed: list[str | None] = field(default_factory=list)
    """Items, as the scheduler says it."""
    flips: int = 0
    makespan: float = 0.0
    waited: float = 0.0
    """Seconds that workers have waited with a bed for what that claims."""


class SimulatedWorker:
    """What a scheduler sees of a worker, and what that has to do."""

    def __init__(self, number: int, wake: Callable[[SimulatedWorker], None]) -> None:
        self.gateway = SimpleNamespace(id=f"gw{number}")
        self.shutting_down = False
        self.queue: deque[int] = deque()
        self.busy = False
        self._wake = wake

    def send_runtest_some(self, indices: Sequence[int]) -> None:
        self.queue.extend(indices)
        self._wake(self)

    def shutdown(self) -> None:
        self.shutting_down = True
        self._wake(self)

    @property
    def can_begin(self) -> bool:
        return not self.busy and len(self.queue) > (0 if self.shutting_down else 1)


def configuration(workers: int) -> Any:
    """As much of pytest's as a scheduler looks at."""
    options = SimpleNamespace(loadscopereorder=True)
    return SimpleNamespace(option=options, getvalue=lambda _: [f"{workers}*popen"])


LOG = SimpleNamespace(loadscopesched=lambda *words: None)
"""xdist's, which is on standard error where it is not given."""


class Simulation:
    """One run from its beginning to its end."""

    def __init__(
        self,
        scheduler: Any,
        beds: Sequence[SimulatedBed],
        *,
        workers: int,
        capacity: Mapping[str, int] | None = None,
        flip_seconds: float = 0.0,
        crashing: str = "",
    ) -> None:
        """`crashing` is the id of an item whose worker crashes, and is replaced."""
        self.outcome = Outcome()
        self._scheduler = scheduler
        self._beds = {bed.name: bed for bed in beds}
        self._ids = [identifier for bed in beds for identifier in bed.ids]
        self._capacity = capacity or {}
        self._flip_seconds = flip_seconds
        self._crashing = crashing
        self._now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._claims: dict[str, Claim] = {}
        self._claimed: dict[str, tuple[float, Callable[[float], None]]] = {}
        self._modes: dict[str, Mode] = {}
        self._workers = [SimulatedWorker(number, self._wake) for number in range(workers)]

    def run(self) -> Outcome:
        for worker in self._workers:
            self._scheduler.add_node(worker)
            self._scheduler.add_node_collection(worker, self._ids)
        self._scheduler.schedule()
        while self._events:
            self._now, _, act = heapq.heappop(self._events)
            act()
        self.outcome.makespan = self._now
        return self.outcome

    def _after(self, seconds: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self._now + seconds, next(self._count), act))

    def _wake(self, worker: SimulatedWorker) -> None:
        self._after(0, lambda: self._begin(worker))

    def _begin(self, worker: SimulatedWorker) -> None:
        if not worker.can_begin:
            return
        worker.busy = True
        index = worker.queue.popleft()
        nodeid, place = place_in(self._ids[index])
        bed = self._beds[place[0]] if place else None
        seconds = bed.seconds / bed.checks if bed else 0.0

        def end() -> None:
            self._end(worker, index)

        if bed and nodeid == f"{bed.name}::0":
            self._claims[bed.name] = Claim(bed.name, next(self._count), bed.wish)
            self._claimed[bed.name] = self._now, lambda more: self._after(seconds + more, end)
            self._grant()
        else:
            self._after(seconds, end)

    def _end(self, worker: SimulatedWorker, index: int) -> None:
        nodeid, place = place_in(self._ids[index])
        if nodeid == self._crashing:
            self._crash(worker, place and place[0])
            return
        self.outcome.ran.append(nodeid)
        worker.busy = False
        if place and nodeid == f"{place[0]}::{self._beds[place[0]].checks - 1}":
            del self._claims[place[0]]
            self._grant()
        self._scheduler.mark_test_complete(worker, index)
        if self._scheduler.tests_finished:
            for one in self._workers:
                one.shutdown()
        self._begin(worker)

    def _crash(self, worker: SimulatedWorker, bed: str | None) -> None:
        worker.busy, worker.shutting_down = False, True
        worker.queue.clear()
        self._workers.remove(worker)
        if bed:
            del self._claims[bed]
            self._grant()
        self.outcome.crashed.append(self._scheduler.remove_node(worker))
        another = SimulatedWorker(len(self._ids), self._wake)
        self._workers.append(another)
        self._scheduler.add_node(another)
        self._after(1, lambda: self._has_collected(another))

    def _has_collected(self, worker: SimulatedWorker) -> None:
        if not worker.shutting_down:
            self._scheduler.add_node_collection(worker, self._ids)
            self._scheduler.schedule()

    def _grant(self) -> None:
        for name in decide(list(self._claims.values()), (), self._capacity).grants:
            claim = self._claims[name]
            self._claims[name] = Claim(name, claim.place, claim.wish, granted=True)
            self.outcome.begun.append(name)
            modes = modes_of(claim.wish)
            flips = sum(self._modes.get(token, mode) is not mode for token, mode in modes.items())
            self._modes.update(modes)
            self.outcome.flips += flips
            began, go = self._claimed.pop(name)
            self.outcome.waited += self._now - began
            go(flips * self._flip_seconds)
