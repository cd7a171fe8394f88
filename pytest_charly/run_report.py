"""`run.json` and `index.html` of a run, in the process that controls it."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from charly_vm import Project, begin_run, write_report
from pytest_charly.check_records import CheckRecords, Expected, title_of
from pytest_charly.place import place_of


class RunReport:
    """Takes note of every check of a bed, and writes the report when the run is over.

    A report that cannot be written is told in one line, and changes no verdict.
    """

    def __init__(self, config: pytest.Config, project: Project, directory: Path) -> None:
        self._config = config
        self._directory = directory
        self._run = begin_run(project.file)
        self._records = CheckRecords()
        self._told = ""

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            if place := place_of(item):
                file, line, _ = item.location
                where = f"{file}:{(line or 0) + 1}"
                self._records.expect(item.nodeid, Expected(*place, title_of(item), where))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        # A controller collects nothing itself.
        from pytest_charly.distribution import place_in

        for labelled in ids:
            nodeid, place = place_in(labelled)
            if place:
                self._records.expect(nodeid, Expected(*place))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._records.add(report)

    # After the last bed is gone and all workers are.
    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if not self._records:
            return
        run = replace(
            self._run,
            ended=time.time(),
            beds=self._records.beds(),
            cut_short=_why_cut_short(session, exitstatus),
        )
        try:
            index = write_report(run, self._directory)
        except Exception as error:
            self._told = f"no report: {type(error).__name__}: {error}".partition("\n")[0]
        else:
            here = self._config.invocation_params.dir
            self._told = f"report {os.path.relpath(index, here)}"

    # The last word, after what failed is counted.
    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._told and self._config.get_verbosity() >= 0:
            terminalreporter.write_line(f"charly: {self._told}")


def _why_cut_short(session: pytest.Session, exitstatus: int) -> str:
    if why := session.shouldfail or session.shouldstop:
        return str(why)
    statuses = {
        pytest.ExitCode.INTERRUPTED: "interrupted",
        pytest.ExitCode.INTERNAL_ERROR: "an error inside pytest or one of its plugins",
    }
    return statuses.get(pytest.ExitCode(exitstatus), "") if exitstatus in statuses else ""
