"""Beds over the workers of pytest-xdist: a bed stays on one worker, and one that crashes ends its
bed. Imported where there is xdist and a run is distributed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from charly_vm import CharlyError, Progress, prune_left_over
from pytest_charly.place import place_of
from pytest_charly.progress.channel import listen
from pytest_charly.progress.display import Display

_MARK = "@charly:"
"""Stands between an item's id and its bed and phase, from the worker to the controller and nowhere
else."""

_PHASE = "@"
"""Stands between the two, in whose names it cannot be."""

CRASHED = "the worker that ran {bed} crashed, and the bed with it"


class WorkerIds:
    """In a worker: tells the scheduler, which collects nothing itself, of which bed an item is."""

    @pytest.hookimpl(wrapper=True)
    def pytest_collection_finish(self, session: pytest.Session) -> Generator[None]:
        items = session.items
        session.items = [_Labelled(item) for item in items]  # type: ignore[misc]
        try:
            yield
        finally:
            session.items = items


class _Labelled:
    """An item whose id says its bed as well."""

    def __init__(self, item: pytest.Item) -> None:
        self._item = item
        place = place_of(item)
        self.nodeid = f"{item.nodeid}{_MARK}{_PHASE.join(place)}" if place else item.nodeid

    def __getattr__(self, name: str) -> Any:
        return getattr(self._item, name)


def place_in(labelled: str) -> tuple[str, tuple[str, str] | None]:
    """The id that a worker has labelled as people see it, and the item's bed and phase."""
    nodeid, mark, place = labelled.rpartition(_MARK)
    if not mark:
        return labelled, None
    bed, _, phase = place.partition(_PHASE)
    return nodeid, (bed, phase)


class BedScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist comes without types
    """Each bed is one unit of work; what has to do with none is spread test by test."""

    def __init__(
        self, config: pytest.Config, log: Any, report: Callable[[pytest.TestReport], None]
    ) -> None:
        super().__init__(config, log)
        self._report = report

    def _split_scope(self, nodeid: str) -> str:
        _, place = place_in(nodeid)
        return place[0] if place else nodeid

    def remove_node(self, node: WorkerController) -> str | None:
        """Of a worker that crashed, the item that it ran. The rest of its bed is not tried again:
        whatever ended one process may end the next."""
        workload: dict[str, dict[str, bool]] = self.assigned_work.get(node, {})
        for scope, unit in workload.items():
            pending = [nodeid for nodeid, done in unit.items() if not done]
            if pending:
                self._give_up(scope, pending[1:], unit)
                crashed: str | None = super().remove_node(node)
                self._forget(scope)
                return crashed.partition(_MARK)[0] if crashed else None
        ended: str | None = super().remove_node(node)
        return ended

    def _give_up(self, scope: str, rest: Iterable[str], unit: dict[str, bool]) -> None:
        for nodeid in rest:
            unit[nodeid] = True
            self._report(_error(nodeid.partition(_MARK)[0], CRASHED.format(bed=scope)))

    def _forget(self, scope: str) -> None:
        """The unit, which the scheduler has put back among those to be done."""
        self.workqueue.pop(scope, None)


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

    def __init__(self, progress: Progress, display: Display) -> None:
        self._progress = progress
        self._display = display

    def pytest_configure_node(self, node: WorkerController) -> None:
        listen(node, self._display.receive)

    @pytest.hookimpl(tryfirst=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> BedScheduling:
        def report(report: pytest.TestReport) -> None:
            config.hook.pytest_runtest_logreport(report=report)

        return BedScheduling(config, log, report)

    @pytest.hookimpl(trylast=True)
    def pytest_testnodedown(self, node: WorkerController, error: object | None) -> None:
        if not error:
            return
        # The machines of the dead alone: nobody's who lives are touched.
        try:
            prune_left_over()
        except CharlyError as left:
            self._progress.note(f"left for `charly vm prune`: {left}")
