"""The hooks of a run with beds: what is collected, in which order, and when a bed is left."""

from __future__ import annotations

import fnmatch
from collections.abc import Generator
from pathlib import Path

import pytest

from charly_vm import BedRun, CharlyError, Progress, Project, remove_expired, survey
from pytest_charly.chosen import ChosenBeds
from pytest_charly.collection import BedModule, ProjectFile, StepItem
from pytest_charly.faults import PROPERTY, BedFault, judge, summarise
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

EVIDENCE = "charly-evidence"
CHECK_MODULES = "check_*.py"


class BedsPlugin:
    """Registered for the length of a pytest run in which beds were chosen."""

    def __init__(
        self,
        chosen: ChosenBeds,
        *,
        keep: str,
        evidence: Path,
        watch: Watch,
        shown: DisplayPlugin | None,
    ) -> None:
        self.runs = BedRuns(self._start_run, keep=keep)
        self.chosen = chosen
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
        return cls(
            chosen,
            keep=config.getoption("charly_keep"),
            evidence=_evidence_directory(config, chosen.project),
            watch=watch,
            shown=shown,
        )

    @property
    def project(self) -> Project:
        return self.chosen.project

    def register(self, config: pytest.Config) -> None:
        """Join the run, and where pytest-xdist spreads it over workers, keep each bed on one."""
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

    def _start_run(self, name: str) -> BedRun:
        bed = self.chosen.find(name)
        run = BedRun(
            self.project,
            bed.node,
            target=bed.target,
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

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None, None, None]:
        try:
            yield
        finally:
            here, there = place_of(item), place_of(nextitem) if nextitem else None
            if here and (there is None or there[0] != here[0]):
                self._leave()

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
        if place and report.failed:
            fault = judge(call.excinfo.value if call.excinfo else None)
            report.user_properties.append((PROPERTY, fault))
            # JUnit's XML takes those of an item's last report.
            item.user_properties.append((PROPERTY, fault))
        if place and report.failed and report.when != "teardown":
            try:
                where = self.runs.note_failure(place[0])
            except CharlyError as error:
                where = f"could not be collected: {error}"
            if where:
                report.sections.append(("charly evidence", where))
        return report

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

    def _leave(self) -> None:
        try:
            self.runs.leave()
        except CharlyError as error:
            raise BedFault(f"the bed could not be removed\n{error}") from None


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
    return Path(given).absolute() if given else project.file.parent / EVIDENCE
