"""What Allure's report shows of beds, where allure-pytest writes results: bed and phase as labels
and parameters, what ran in the guest as steps, and evidence as attachments.

Imported where `--alluredir` is given, and nowhere else.
"""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import allure
import pytest
from allure_commons.model2 import (
    Label,
    Parameter,
    Status,
    StatusDetails,
    TestResult,
    TestStepResult,
)
from allure_commons.reporter import AllureReporter
from allure_commons.utils import uuid4

from charly_vm import Entry, Facts, survey
from pytest_charly.collection import StepItem
from pytest_charly.faults import BED, CHARLY, CHECK, PROPERTY
from pytest_charly.place import place_of
from pytest_charly.runs import BedRuns

_KINDS = {
    ".json": allure.attachment_type.JSON,
    ".png": allure.attachment_type.PNG,
    ".xml": allure.attachment_type.XML,
}
_STATUS = {CHECK: Status.FAILED, BED: Status.BROKEN, CHARLY: Status.BROKEN}
_CATEGORIES = (
    {"name": "The guest is wrong", "matchedStatuses": ["failed"]},
    {
        "name": "charly itself is wrong",
        "matchedStatuses": ["broken"],
        "messageRegex": "(?s).*defect of charly itself.*",
    },
    {"name": "The bed could not be had", "matchedStatuses": ["broken"]},
)
"""A result is in each that fits, so that one of charly's own is in two."""


class AllureReport:
    """Registered beside allure-pytest, in workers as well."""

    def __init__(self, config: pytest.Config, runs: BedRuns) -> None:
        # Its results can be had by this alone: what `allure.dynamic` adds comes too late, and has
        # no times.
        listener: Any = config.pluginmanager.get_plugin("allure_listener")
        self._logger: AllureReporter = listener.allure_logger
        self._runs = runs
        self._attached: set[tuple[str, str]] = set()
        self._since = 0.0
        """When the item that runs has begun."""
        if not hasattr(config, "workerinput"):
            _write_settings(Path(config.getoption("allure_report_dir")))

    # Inside allure-pytest's own, which has made the result, also of an item that is run again, and
    # afterwards adds the parameters that are not there yet.
    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None]:
        self._since = time.time()
        if place := place_of(item):
            result = self._result()
            # By them it tells the history of one test from that of another.
            for name, value in zip(("bed", "phase"), place, strict=True):
                result.parameters.append(Parameter(name, value))
                result.labels.append(Label(name, value))
            suites = {"parentSuite": place[0], "suite": place[1]}
            result.labels += [Label(name, value) for name, value in suites.items()]
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None]:
        try:
            return (yield)
        finally:
            if place_of(item):
                for entry in self._runs.commands:
                    # Not those of an earlier attempt.
                    if entry.item == item.nodeid and entry.began >= self._since:
                        self._add_step(entry)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        # Outermost, so that allure-pytest has judged and the evidence is there.
        report = yield
        place = place_of(item)
        if isinstance(item, StepItem) and report.when == "setup":
            result = self._result()
            result.name = f"{item.step.id}: {item.step.prose}"
            result.description = f"`{item.step.file}:{item.step.line}`"
        if place and report.failed:
            fault = dict(report.user_properties).get(PROPERTY, CHECK)
            result = self._result()
            result.status = _STATUS[str(fault)]
            result.statusDetails = StatusDetails(
                message=_first_paragraph(report.longreprtext), trace=report.longreprtext
            )
            result.labels.append(Label(PROPERTY, fault))
            self._attach_evidence(place)
        return report

    def _result(self) -> TestResult:
        return self._logger.get_test(None)

    def _add_step(self, entry: Entry) -> None:
        """A command of the guest's, at the time when it ran."""
        began = round(entry.began * 1000)
        text = entry.command.text
        step = TestStepResult(name=_shorten(text), start=began)
        uuid = uuid4()
        self._logger.start_step(None, uuid, step)
        said = entry.as_text(None)
        if entry.error or entry.stdout or entry.stderr or _shorten(text) != text:
            self._logger.attach_data(
                uuid4(), said, name="output", attachment_type=allure.attachment_type.TEXT
            )
        ended = began + round(entry.seconds * 1000)
        # That a command says no is often what a check wants to hear.
        status = Status.BROKEN if entry.status is None else Status.PASSED
        self._logger.stop_step(uuid, stop=ended, status=status)

    def _attach_evidence(self, place: tuple[str, str]) -> None:
        """Once per phase: to the first item that has failed."""
        directory = self._runs.evidence_of(*place)
        if place in self._attached or directory is None or not directory.is_dir():
            return
        self._attached.add(place)
        for file in sorted(path for path in directory.iterdir() if path.is_file()):
            kind = _KINDS.get(file.suffix, allure.attachment_type.TEXT)
            try:
                self._logger.attach_file(uuid4(), str(file), name=file.name, attachment_type=kind)
            except OSError as error:
                # The report does without; what failed is said by the check.
                self._logger.attach_data(
                    uuid4(), f"{file}: {error}", name=f"{file.name} is missing"
                )


def _write_settings(directory: Path) -> None:
    """Allure's `categories.json` and `environment.properties`, beside the results."""
    directory.mkdir(parents=True, exist_ok=True)
    categories = json.dumps(_CATEGORIES, indent=1) + "\n"
    (directory / "categories.json").write_text(categories, encoding="utf-8")
    lines = [f"{name}={value}\n" for name, value in _describe_host(survey()).items()]
    (directory / "environment.properties").write_text("".join(lines), encoding="utf-8")


def _describe_host(facts: Facts) -> Mapping[str, str]:
    works = next((one.name for one in facts.accelerators if one.works), "none")
    described = {"host": facts.hostname, "architecture": facts.architecture, "accelerator": works}
    if facts.qemu:
        described["QEMU"] = ".".join(map(str, facts.qemu.version))
    if facts.libvirt:
        described["libvirt"] = ".".join(map(str, facts.libvirt.version))
    return described


def _shorten(text: str, width: int = 160) -> str:
    first, *more = text.strip().splitlines() or [""]
    return f"{first[: width - 1]}…" if more or len(first) > width else first


def _first_paragraph(text: str) -> str:
    return text.strip().partition("\n\n")[0]
