"""Puts together what serves a run in which beds were chosen: its plugins, and what they share."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from charly_vm import (
    EVIDENCE_DIRECTORY,
    BedRun,
    CharlyError,
    Progress,
    Project,
    find_arbiter,
    remove_expired,
    survey,
)
from pytest_charly.beds import BedsPlugin
from pytest_charly.chosen import ChosenBeds
from pytest_charly.claims import BEDS, SKIP, BedWishes, claim_seconds
from pytest_charly.collecting import CollectionPlugin
from pytest_charly.deadline import Deadlines
from pytest_charly.order import MARKERS
from pytest_charly.place import DEPLOYED, REBUILT
from pytest_charly.progress.watch import Watch
from pytest_charly.progress.wiring import DisplayPlugin, watch_for
from pytest_charly.runs import BedRuns
from pytest_charly.selection import choose_beds
from pytest_charly.time_limits import with_limit

ALLURE = "allure_listener"
"""allure-pytest's plugin, registered where a run writes results."""


def serve_run(config: pytest.Config) -> None:
    """Have the run bring the chosen beds up. Raises `pytest.UsageError` for what cannot be meant,
    and for a host that cannot be looked at.

    To be called when pytest-xdist has made up its mind whether it distributes, and while pytest's
    capture is suspended.
    """
    only_collects = config.option.collectonly
    phases = [DEPLOYED] if config.getoption("charly_no_rebuild") else [DEPLOYED, REBUILT]
    chosen = choose_beds(config, phases)
    if not only_collects:
        _require_host()
    watch, shown = watch_for(config)
    if not only_collects:
        _tidy_up(chosen.project, watch.progress)
    for marker, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{marker}: {meaning}")
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        # Nothing was named to collect: the beds' own directory is meant.
        config.args = [str(chosen.project.file.parent)]
    evidence = _evidence_directory(config, chosen.project)
    deadlines = Deadlines.from_config(config, chosen)
    keep = config.getoption("charly_keep")
    wishes = BedWishes(chosen)
    runs = BedRuns(
        _starter(
            chosen,
            deadlines,
            watch,
            evidence=evidence,
            keep_failed=keep != "never",
            wishes=wishes,
            claim_timeout=claim_seconds(config),
        ),
        deadlines,
        keep=keep,
        collect=config.getoption("charly_collect"),
        skip_unclaimed=config.getoption("charly_claims") == SKIP,
    )

    register = config.pluginmanager.register
    register(deadlines, "charly-deadlines")
    register(CollectionPlugin(chosen, runs, wishes), "charly-collection")
    register(BedsPlugin(runs, deadlines, watch.progress), BEDS)
    # What shows beds goes on around what sees them.
    if shown:
        register(shown, "charly-display")
    register(watch, "charly-watch")
    _distribute(config, chosen, wishes, watch, shown)
    if only_collects:
        return
    if not hasattr(config, "workerinput"):
        register(Header(chosen), "charly-header")
    _report(config, chosen, runs, evidence)


def _starter(
    chosen: ChosenBeds,
    deadlines: Deadlines,
    watch: Watch,
    *,
    evidence: Path,
    keep_failed: bool,
    wishes: BedWishes,
    claim_timeout: float,
) -> Callable[[str], BedRun]:
    """What begins the engine's run of a bed by its whole name."""

    def start(name: str) -> BedRun:
        bed = chosen.find(name)
        run = BedRun(
            chosen.project,
            bed.node,
            target=dataclasses.replace(bed.target, deploy=with_limit(bed.deploy, deadlines.given)),
            evidence=evidence,
            progress=watch.of(bed),
            keep_failed=keep_failed,
            wish=wishes.of_checks(name),
            claim_timeout=claim_timeout,
        )
        watch.follow(run)
        return run

    return start


def _distribute(
    config: pytest.Config,
    chosen: ChosenBeds,
    wishes: BedWishes,
    watch: Watch,
    shown: DisplayPlugin | None,
) -> None:
    """Where pytest-xdist spreads the run over workers, keep each bed on one of them."""
    if hasattr(config, "workerinput"):
        from pytest_charly.distribution import WorkerIds

        config.pluginmanager.register(WorkerIds(wishes), "charly-worker")
    elif config.getoption("dist", "no") != "no" and shown:
        from pytest_charly.distribution import Controller

        controller = Controller(chosen.project, watch.progress, shown.display)
        config.pluginmanager.register(controller, "charly-controller")


def _report(config: pytest.Config, chosen: ChosenBeds, runs: BedRuns, evidence: Path) -> None:
    """Say what became of the checks: in Allure's results where there are some, and in our own
    report, which whoever controls the run writes."""
    if config.pluginmanager.has_plugin(ALLURE):
        from pytest_charly.allure_report import AllureReport

        config.pluginmanager.register(AllureReport(config, runs), "charly-allure")
    if not config.option.setupplan and not hasattr(config, "workerinput"):
        from pytest_charly.run_report import RunReport

        report = RunReport(config, chosen.project, evidence)
        config.pluginmanager.register(report, "charly-report")


class Header:
    """Says at the top of a run what it is about and how guests run on this host."""

    def __init__(self, chosen: ChosenBeds) -> None:
        self._chosen = chosen

    def pytest_report_header(self) -> list[str]:
        facts = survey()
        accelerators = ", ".join(
            f"{one.name} {'works' if one.works else 'does not work'} ({one.reason})"
            for one in facts.accelerators
        )
        # What modules declare is not known yet.
        asked = self._chosen.names or self._chosen.patterns
        return [
            f"charly: {', '.join(asked)} from {self._chosen.project.file}",
            f"charly accelerators: {accelerators}",
            *(f"charly warning: {warning}" for warning in self._chosen.project.warnings),
        ]


def _require_host() -> None:
    """Look at the host now, when what is wrong with it can still be one message."""
    try:
        survey()
    except CharlyError as error:
        raise pytest.UsageError(str(error)) from error


def _tidy_up(project: Project, progress: Progress) -> None:
    """Remove machines whose time is over, and start again what gave way to claimants that are
    gone."""
    try:
        for removed in remove_expired(progress):
            progress.note(f"removed {removed}")
        find_arbiter(project, progress=progress).restore()
    except CharlyError as error:
        raise pytest.UsageError(str(error)) from error


def _evidence_directory(config: pytest.Config, project: Project) -> Path:
    given = config.getoption("charly_evidence")
    return Path(given).absolute() if given else project.file.parent / EVIDENCE_DIRECTORY
