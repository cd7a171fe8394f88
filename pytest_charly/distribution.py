"""Beds over the workers of pytest-xdist: a bed stays on one worker, and one that crashes ends its
bed. Imported where there is xdist and a run is distributed."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from charly_vm import (
    CharlyError,
    Progress,
    Project,
    Wish,
    find_arbiter,
    make_wish,
    prune_left_over,
)
from pytest_charly.check_records import directory_of
from pytest_charly.claims import BedWishes
from pytest_charly.place import place_of
from pytest_charly.progress.channel import listen
from pytest_charly.progress.display import Display
from pytest_charly.scheduling import BedToRun, Mode, choose_bed, modes_of

_MARK = "@charly:"
"""Stands between an item's id and its bed, its phase and, in a bed's first item, what that claims,
from the worker to the controller and nowhere else."""

_SEPARATOR = "@"
"""Stands between those, in whose names it cannot be."""

CRASHED = "the worker that ran {bed} crashed, and the bed with it"


class WorkerIds:
    """In a worker: tells the scheduler, which collects nothing itself, of which bed an item is, and
    once for each bed what that claims."""

    def __init__(self, wishes: BedWishes) -> None:
        self._wishes = wishes

    @pytest.hookimpl(wrapper=True)
    def pytest_collection_finish(self, session: pytest.Session) -> Generator[None]:
        items = session.items
        session.items = self._label(items)  # type: ignore[assignment]
        try:
            yield
        finally:
            session.items = items

    def _label(self, items: Iterable[pytest.Item]) -> list[_Labelled]:
        labelled: list[_Labelled] = []
        told: set[str] = set()
        for item in items:
            nodeid = item.nodeid
            if place := place_of(item):
                wish = None if place[0] in told else self._wishes.of(place[0])
                nodeid = label(nodeid, place, wish)
                told.add(place[0])
            labelled.append(_Labelled(item, nodeid))
        return labelled


class _Labelled:
    """An item whose id says its bed as well."""

    def __init__(self, item: pytest.Item, nodeid: str) -> None:
        self._item = item
        self.nodeid = nodeid

    def __getattr__(self, name: str) -> Any:
        return getattr(self._item, name)


def label(nodeid: str, place: tuple[str, str], wish: Wish | None = None) -> str:
    """An item's id with its bed and phase, and with what that claims where `wish` is given."""
    parts = list(place)
    if wish is not None:
        written = json.dumps([wish.exclusive, wish.shared, dict(wish.amounts)])
        # Tokens may have any name.
        parts.append(written.replace(_SEPARATOR, "\\u0040"))
    return f"{nodeid}{_MARK}{_SEPARATOR.join(parts)}"


def place_in(labelled: str) -> tuple[str, tuple[str, str] | None]:
    """The id that a worker has labelled as people see it, and the item's bed and phase."""
    nodeid, mark, told = labelled.rpartition(_MARK)
    if not mark:
        return labelled, None
    bed, phase, *_ = told.split(_SEPARATOR)
    return nodeid, (bed, phase)


def wish_in(labelled: str) -> Wish | None:
    """What the item's bed claims, where the label says it."""
    _, mark, told = labelled.rpartition(_MARK)
    written = told.split(_SEPARATOR)[2:]
    return make_wish(*json.loads(written[0])) if mark and written else None


class BedScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist comes without types
    """Each bed is one unit of work; what has to do with none is spread test by test.

    A worker runs an item only when it knows what follows, since that says what has to be torn down.
    So with a bed's last item goes the first one of another bed, and no more: that bed is *held* by
    the worker, which leaves its own and does not begin the other before the rest of its items come.
    It is begun when it need not wait for one that runs.
    """

    def __init__(
        self,
        config: pytest.Config,
        log: Any,
        report: Callable[[pytest.TestReport], None],
        *,
        capacity: Mapping[str, int],
        expect_seconds: Callable[[str, Wish], float | None],
    ) -> None:
        """`capacity` is how much there is of a token, and `expect_seconds` tells how long a bed
        takes that claims this."""
        super().__init__(config, log)
        self._report = report
        self._capacity = capacity
        self._expect_seconds = expect_seconds
        self._beds: dict[str, BedToRun] = {}
        self._modes: dict[str, Mode] = {}
        self._held: dict[WorkerController, str] = {}
        """Beds that are among those to be done still."""

    def _split_scope(self, nodeid: str) -> str:
        _, place = place_in(nodeid)
        return place[0] if place else nodeid

    def schedule(self) -> None:
        if self.collection is None:
            for labelled in next(iter(self.registered_collections.values())):
                wish = wish_in(labelled)
                if wish is not None:
                    bed = self._split_scope(labelled)
                    self._beds[bed] = BedToRun(bed, wish, self._expect_seconds(bed, wish))
        super().schedule()
        self._go_on()

    def mark_test_complete(
        self, node: WorkerController, item_index: int, duration: float = 0
    ) -> None:
        nodeid = self.registered_collections[node][item_index]
        scope = self._split_scope(nodeid)
        if self._held.get(node) == scope:
            # Of a worker that was told to end, and runs what it has.
            self.workqueue[scope][nodeid] = True
            return
        unit = self.assigned_work[node][scope]
        unit[nodeid] = True
        if node in self._held or (scope in self._beds and all(unit.values())):
            self._go_on()
        else:
            self._reschedule(node)

    def remove_node(self, node: WorkerController) -> str | None:
        """Of a worker that crashed, the item that it ran. The rest of its bed is not tried again:
        whatever ended one process may end the next."""
        self._held.pop(node, None)
        crashed: str | None = None
        for scope, unit in self.assigned_work.pop(node).items():
            pending = _not_done(unit)
            if crashed is None and pending:
                crashed = pending[0]
                self._give_up(scope, pending[1:])
            elif pending:
                self.workqueue[scope] = unit
        self._go_on()
        return crashed.partition(_MARK)[0] if crashed else None

    def _give_up(self, scope: str, rest: Iterable[str]) -> None:
        for nodeid in rest:
            self._report(_error(nodeid.partition(_MARK)[0], CRASHED.format(bed=scope)))

    def _go_on(self) -> None:
        """A bed is over, and what it claimed is there for others, or a worker comes to the bed that
        it holds."""
        self._begin_held()
        for node in self.nodes:
            self._reschedule(node)

    def _begin_held(self) -> None:
        idle = self._idle_holders()
        while idle and (scope := self._choose(self._running(), self._modes, among=idle)):
            node = idle.pop(scope)
            del self._held[node]
            self._begin(node, scope, sent=1)

    def _idle_holders(self) -> dict[str, WorkerController]:
        """The beds that would be begun at once, with the workers that hold them."""
        return {
            scope: node
            for node, scope in self._held.items()
            if not node.shutting_down and not self._pending_of(self.assigned_work[node])
        }

    def _reschedule(self, node: WorkerController) -> None:
        """Give a worker more, where it has too little to go on."""
        # One that was started in the place of another one collects first.
        if node.shutting_down or node in self._held or node not in self.registered_collections:
            return
        first = next(self._free(), None)
        if first is None:
            node.shutdown()
            return
        # The later a bed is chosen, the more is known. Between tests no worker should have to wait.
        enough = 1 if first in self._beds else 2
        if self._pending_of(self.assigned_work[node]) <= enough:
            self._assign_work_unit(node)
            self._begin_held()

    def _free(self) -> Iterator[str]:
        """What is to be done still, and held by nobody."""
        held = set(self._held.values())
        return (scope for scope in self.workqueue if scope not in held)

    def _assign_work_unit(self, node: WorkerController) -> None:
        first = next(self._free())
        bed = self._choose_for(node) if first in self._beds else None
        if bed is None:
            spread = next((scope for scope in self._free() if scope not in self._beds), None)
            if spread is not None:
                self._begin(node, spread)
                return
            # Each has to wait, so it is the one that would come first.
            bed = self._choose({}, self._modes, among=set(self._free()))
        if bed is not None:
            self._held[node] = bed
            self._send(node, _not_done(self.workqueue[bed])[:1])

    def _choose_for(self, node: WorkerController) -> str | None:
        """The bed that a worker begins after its own. Where one comes first that another worker
        holds, and waits with for this worker's own to end, it is left the room."""
        running, modes = self._running(beside=node), dict(self._modes)
        held = set(self._idle_holders())
        while scope := self._choose(running, modes, among={*self._free(), *held}):
            if scope not in held:
                return scope
            held.remove(scope)
            running[scope] = self._beds[scope].wish
            modes |= modes_of(running[scope])
        return None

    def _choose(
        self, running: Mapping[str, Wish], modes: Mapping[str, Mode], *, among: Container[str]
    ) -> str | None:
        waiting = [
            self._beds[scope]
            for scope in self.workqueue
            if scope in self._beds and scope not in running
        ]
        return choose_bed(waiting, running, modes, self._capacity, among=among)

    def _running(self, *, beside: WorkerController | None = None) -> dict[str, Wish]:
        """The beds that workers have begun, but for one worker's."""
        return {
            scope: self._beds[scope].wish
            for node, workload in self.assigned_work.items()
            if node is not beside
            for scope, unit in workload.items()
            if scope in self._beds and not all(unit.values())
        }

    def _begin(self, node: WorkerController, scope: str, *, sent: int = 0) -> None:
        """Have a worker run a unit, of which it has been sent so many items already."""
        unit = self.workqueue.pop(scope)
        self.assigned_work[node][scope] = unit
        if bed := self._beds.get(scope):
            self._modes.update(modes_of(bed.wish))
        self._send(node, _not_done(unit)[sent:])

    def _send(self, node: WorkerController, nodeids: Sequence[str]) -> None:
        collection = self.registered_collections[node]
        if nodeids:
            node.send_runtest_some([collection.index(nodeid) for nodeid in nodeids])


def _not_done(unit: Mapping[str, bool]) -> list[str]:
    return [nodeid for nodeid, done in unit.items() if not done]


def _error(nodeid: str, text: str) -> pytest.TestReport:
    file = nodeid.partition("::")[0]
    return pytest.TestReport(
        nodeid=nodeid,
        location=(file, None, nodeid),
        keywords={},
        outcome="failed",
        longrepr=text,
        when="setup",
    )


class Controller:
    """In the controller: the scheduler, what workers tell, and the machines of those that crash."""

    def __init__(self, project: Project, progress: Progress, display: Display) -> None:
        self._project = project
        self._progress = progress
        self._display = display

    def pytest_configure_node(self, node: WorkerController) -> None:
        listen(node, self._display.receive)

    @pytest.hookimpl(tryfirst=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> BedScheduling:
        def report(report: pytest.TestReport) -> None:
            config.hook.pytest_runtest_logreport(report=report)

        arbiter = find_arbiter(self._project)

        def expect_seconds(bed: str, wish: Wish) -> float | None:
            return arbiter.last_seconds(directory_of(bed), wish)

        return BedScheduling(
            config, log, report, capacity=arbiter.capacity, expect_seconds=expect_seconds
        )

    @pytest.hookimpl(trylast=True)
    def pytest_testnodedown(self, node: WorkerController, error: object | None) -> None:
        if not error:
            return
        # The machines of the dead alone, and what gave way to them: nobody's who lives are touched.
        try:
            prune_left_over()
            find_arbiter(progress=self._progress).restore()
        except CharlyError as left:
            self._progress.note(f"left for `charly vm prune`: {left}")
