"""The hooks by which a run has its beds up: brought up for their checks, judged, and left."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from charly_vm import CharlyError, Progress
from pytest_charly.check_records import tell_mismatches
from pytest_charly.deadline import Deadlines
from pytest_charly.faults import PROPERTY, BedFault, PhaseTimeout, TimeIsOver, judge, summarise
from pytest_charly.place import place_of
from pytest_charly.runs import BedRuns


class BedsPlugin:
    """Registered for the length of a pytest run in which beds were chosen."""

    def __init__(self, runs: BedRuns, deadlines: Deadlines, progress: Progress) -> None:
        self._runs = runs
        self._deadlines = deadlines
        self._progress = progress
        self._faults: dict[str, int] = {}

    @property
    def claim_owner(self) -> str:
        """In whose name the checks of the bed that is up claim."""
        return self._runs.claim_owner

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None, object, object]:
        self._runs.asking(item.nodeid)
        try:
            result = yield
            # Not with the item's teardown: another plugin may run the item again after that.
            here, there = place_of(item), place_of(nextitem) if nextitem else None
            if here and (there is None or there[0] != here[0]):
                self._leave(item)
            return result
        finally:
            self._runs.asking("")

    def _leave(self, item: pytest.Item) -> None:
        """Leave the bed after its last item, which is where it is told that this has failed."""
        call = pytest.CallInfo.from_call(
            self._require_left, when="teardown", reraise=(KeyboardInterrupt, pytest.exit.Exception)
        )
        if call.excinfo:
            report = item.ihook.pytest_runtest_makereport(item=item, call=call)
            item.ihook.pytest_runtest_logreport(report=report)

    def _require_left(self) -> None:
        try:
            self._runs.leave()
        except CharlyError as error:
            raise BedFault(f"the bed could not be removed\n{error}") from None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if place := place_of(item):
            # What an earlier attempt has left.
            item.user_properties[:] = [one for one in item.user_properties if one[0] != PROPERTY]
            self._runs.begin(place[0], item.nodeid)
            self._deadlines.require_time(place)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # Also of what workers report, who print no summary.
        faults = [str(fault) for name, fault in report.user_properties if name == PROPERTY]
        if report.failed and faults:
            self._faults[faults[-1]] = self._faults.get(faults[-1], 0) + 1

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        place = place_of(item)
        raised = call.excinfo.value if call.excinfo else None
        if place and report.failed:
            tell_mismatches(report, raised)
            fault = judge(raised)
            report.user_properties.append((PROPERTY, fault))
            # JUnit's XML takes those of an item's last report.
            item.user_properties.append((PROPERTY, fault))
        if place and report.failed:
            try:
                where = self._runs.note_failure(place[0])
            except CharlyError as error:
                where = f"could not be collected: {error}"
            if where:
                report.sections.append(("charly evidence", where))
        if place and isinstance(raised, PhaseTimeout | TimeIsOver):
            self._runs.give_up(place[0], raised, f"not run: the time of {place[0]} is over")
        return report

    def pytest_enter_pdb(self, config: pytest.Config) -> None:
        if entry := self._runs.describe_entry():
            writer = config.get_terminal_writer()
            writer.line(f"charly: the guest stays up while the debugger is open: {entry}")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        # After -x or Ctrl-C no item's teardown has said that it is the last.
        try:
            self._runs.leave()
        except CharlyError as error:
            self._progress.note(f"the bed could not be removed: {error}")
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if told := summarise(self._faults):
            terminalreporter.write_line(f"charly: {told}")
