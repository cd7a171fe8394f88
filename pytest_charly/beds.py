"""The hooks of a run with beds: what is collected, in which order, and when a bed is left."""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Generator
from pathlib import Path

import pytest

from charly_vm import (
    EVIDENCE_DIRECTORY,
    BedRun,
    CharlyError,
    Progress,
    Project,
    remove_expired,
    survey,
)
from pytest_charly.check_records import tell_mismatches, tell_place
from pytest_charly.chosen import ChosenBeds
from pytest_charly.collection import BedModule, ProjectFile, StepItem
from pytest_charly.deadline import Deadlines
from pytest_charly.faults import PROPERTY, BedFault, PhaseTimeout, TimeIsOver, judge, summarise
from pytest_charly.order import (
    MARKERS,
    belongs_to_its_phase,
    find_needed,
    in_order,
    place_modules,
)
from pytest_charly.place import DEPLOYED, REBUILT, place_of
from pytest_charly.progress.watch import Watch
from pytest_charly.progress.wiring import DisplayPlugin, watch_for
from pytest_charly.runs import BedRuns
from pytest_charly.selection import choose_beds
from pytest_charly.time_limits import with_limit

CHECK_MODULES = "check_*.py"
ALLURE = "allure_listener"
"""allure-pytest's plugin, registered where a run writes results."""


class BedsPlugin:
    """Registered for the length of a pytest run in which beds were chosen."""

    def __init__(
        self,
        chosen: ChosenBeds,
        deadlines: Deadlines,
        *,
        keep: str,
        collect: str,
        evidence: Path,
        watch: Watch,
        shown: DisplayPlugin | None,
    ) -> None:
        self.runs = BedRuns(self._start_run, deadlines, keep=keep, collect=collect)
        self.chosen = chosen
        self._deadlines = deadlines
        self._keep_failed = keep != "never"
        self._evidence = evidence
        self._watch, self._shown = watch, shown
        self._progress = watch.progress
        self._faults: dict[str, int] = {}

    @classmethod
    def from_config(cls, config: pytest.Config) -> BedsPlugin:
        phases = [DEPLOYED] if config.getoption("charly_no_rebuild") else [DEPLOYED, REBUILT]
        chosen = choose_beds(config, phases)
        if not config.option.collectonly:
            _require_host()
        watch, shown = watch_for(config)
        if not config.option.collectonly:
            _remove_expired(watch.progress)
        for marker, meaning in MARKERS.items():
            config.addinivalue_line("markers", f"{marker}: {meaning}")
        if config.args_source is not pytest.Config.ArgsSource.ARGS:
            # Nothing was named to collect: the beds' own directory is meant.
            config.args = [str(chosen.project.file.parent)]
        deadlines = Deadlines.from_config(config, chosen)
        config.pluginmanager.register(deadlines, "charly-deadlines")
        return cls(
            chosen,
            deadlines,
            keep=config.getoption("charly_keep"),
            collect=config.getoption("charly_collect"),
            evidence=_evidence_directory(config, chosen.project),
            watch=watch,
            shown=shown,
        )

    @property
    def project(self) -> Project:
        return self.chosen.project

    def register(self, config: pytest.Config) -> None:
        """Join the run, and where pytest-xdist spreads it over workers, keep each bed on one.

        Where allure-pytest writes results, they also say what charly knows.
        """
        config.pluginmanager.register(self, "charly-beds")
        # What shows beds goes on around what sees them.
        if self._shown:
            config.pluginmanager.register(self._shown, "charly-display")
        config.pluginmanager.register(self._watch, "charly-watch")
        if hasattr(config, "workerinput"):
            from pytest_charly.distribution import WorkerIds

            config.pluginmanager.register(WorkerIds(), "charly-worker")
        elif config.getoption("dist", "no") != "no" and self._shown:
            from pytest_charly.distribution import Controller

            controller = Controller(self._progress, self._shown.display)
            config.pluginmanager.register(controller, "charly-controller")
        if config.pluginmanager.has_plugin(ALLURE) and not config.option.collectonly:
            from pytest_charly.allure_report import AllureReport

            config.pluginmanager.register(AllureReport(config, self.runs), "charly-allure")
        brings_up = not (config.option.collectonly or config.option.setupplan)
        if brings_up and not hasattr(config, "workerinput"):
            from pytest_charly.run_report import RunReport

            report = RunReport(config, self.project, self._evidence)
            config.pluginmanager.register(report, "charly-report")

    def _start_run(self, name: str) -> BedRun:
        bed = self.chosen.find(name)
        given = self._deadlines.given
        deploy = with_limit(bed.deploy, given)
        run = BedRun(
            self.project,
            bed.node,
            target=dataclasses.replace(bed.target, deploy=deploy),
            evidence=self._evidence,
            progress=self._watch.of(bed),
            keep_failed=self._keep_failed,
        )
        self._watch.follow(run)
        return run

    def pytest_report_header(self, config: pytest.Config) -> list[str]:
        if config.option.collectonly:
            return []
        facts = survey()
        accelerators = ", ".join(
            f"{one.name} {'works' if one.works else 'does not work'} ({one.reason})"
            for one in facts.accelerators
        )
        # What modules declare is not known yet.
        asked = self.chosen.names or self.chosen.patterns
        return [
            f"charly: {', '.join(asked)} from {self.project.file}",
            f"charly accelerators: {accelerators}",
            *(f"charly warning: {warning}" for warning in self.project.warnings),
        ]

    def pytest_collect_file(
        self, file_path: Path, parent: pytest.Collector
    ) -> pytest.Collector | None:
        if file_path == self.project.file:
            collector = ProjectFile.from_parent(parent, path=file_path)
            collector.chosen, collector.runs = self.chosen, self.runs
            return collector
        if self._is_check_module(file_path, parent):
            return self.pytest_pycollect_makemodule(file_path, parent)
        return None

    def _is_check_module(self, file: Path, parent: pytest.Collector) -> bool:
        """Whether only we know that a file beside the project holds checks.

        `check_*.py` is ours, whatever `python_files` says or whichever ini file is in use.
        """
        patterns = parent.config.getini("python_files")
        return (
            fnmatch.fnmatchcase(file.name, CHECK_MODULES)
            and file.is_relative_to(self.project.file.parent)
            and not parent.session.isinitpath(file)
            and not any(fnmatch.fnmatchcase(file.name, pattern) for pattern in patterns)
        )

    def pytest_pycollect_makemodule(
        self, module_path: Path, parent: pytest.Collector
    ) -> pytest.Module:
        module = BedModule.from_parent(parent, path=module_path)
        module.chosen, module.runs = self.chosen, self.runs
        return module

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> Generator[None]:
        place_modules(items)
        items[:] = [item for item in items if belongs_to_its_phase(item)]
        # Around everybody else's choice and order, --lf and a random one included.
        yield
        needed = find_needed(items)
        _forget_deselected(config, needed)
        items[:] = in_order([*items, *needed], self.chosen.names, self.chosen.phases)
        for item in items:
            tell_place(item)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None, object, object]:
        self.runs.asking(item.nodeid)
        try:
            result = yield
        finally:
            self.runs.asking("")
        # Not with the item's teardown: another plugin may run the item again after that.
        here, there = place_of(item), place_of(nextitem) if nextitem else None
        if here and (there is None or there[0] != here[0]):
            self._leave(item)
        return result

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
            self.runs.leave()
        except CharlyError as error:
            raise BedFault(f"the bed could not be removed\n{error}") from None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if place := place_of(item):
            # What an earlier attempt has left.
            item.user_properties[:] = [one for one in item.user_properties if one[0] != PROPERTY]
            self.runs.begin(place[0], item.nodeid)
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
                where = self.runs.note_failure(place[0])
            except CharlyError as error:
                where = f"could not be collected: {error}"
            if where:
                report.sections.append(("charly evidence", where))
        if place and isinstance(raised, PhaseTimeout | TimeIsOver):
            self.runs.give_up(place[0], raised, f"not run: the time of {place[0]} is over")
        return report

    def pytest_enter_pdb(self, config: pytest.Config) -> None:
        if entry := self.runs.describe_entry():
            writer = config.get_terminal_writer()
            writer.line(f"charly: the guest stays up while the debugger is open: {entry}")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        # After -x or Ctrl-C no item's teardown has said that it is the last.
        try:
            self.runs.leave()
        except CharlyError as error:
            self._progress.note(f"the bed could not be removed: {error}")
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if told := summarise(self._faults):
            terminalreporter.write_line(f"charly: {told}")


def _forget_deselected(config: pytest.Config, items: list[StepItem]) -> None:
    """They run after all, and should not be counted as left out."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter and items:
        left_out = reporter.stats.get("deselected", [])
        reporter.stats["deselected"] = [item for item in left_out if item not in items]


def _require_host() -> None:
    """Look at the host now, when what is wrong with it can still be one message."""
    try:
        survey()
    except CharlyError as error:
        raise pytest.UsageError(str(error)) from error


def _remove_expired(progress: Progress) -> None:
    try:
        for removed in remove_expired(progress):
            progress.note(f"removed {removed}")
    except CharlyError as error:
        raise pytest.UsageError(str(error)) from error


def _evidence_directory(config: pytest.Config, project: Project) -> Path:
    given = config.getoption("charly_evidence")
    return Path(given).absolute() if given else project.file.parent / EVIDENCE_DIRECTORY
