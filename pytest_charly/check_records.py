"""What became of each check, from what pytest reports: in the process of the test itself, or in
the controller of workers, which sees nothing but reports and ids."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from charly_vm import BedRecord, CheckRecord, Fault, MismatchRecord, Outcome
from pytest_charly.collection import StepFailed, StepItem
from pytest_charly.faults import PROPERTY as FAULT_PROPERTY
from pytest_charly.place import place_of

BED_PROPERTY = "charly_bed"
PHASE_PROPERTY = "charly_phase"
TITLE_PROPERTY = "charly_check"
"""Of a report, and so in JUnit's XML: whole name of the bed, phase, and prose of the check."""

_MISMATCHES = "charly_mismatches"
"""An attribute of a report, which travels with it: `[what, expected, found]` of each."""

_BAD = (Outcome.FAILED, Outcome.ERROR)
_OUTCOMES = {"passed": Outcome.PASSED, "skipped": Outcome.SKIPPED}


def tell_place(item: pytest.Item) -> None:
    """Have the reports of a bed's item say where it belongs, and what it checks."""
    place = place_of(item)
    if place is None:
        return
    said = {BED_PROPERTY: place[0], PHASE_PROPERTY: place[1], TITLE_PROPERTY: title_of(item)}
    item.user_properties += [(name, value) for name, value in said.items() if value]


def title_of(item: pytest.Item) -> str:
    """A step's prose, or the first line of a test's docstring."""
    if isinstance(item, StepItem):
        return item.step.prose
    documented = getattr(getattr(item, "function", None), "__doc__", None) or ""
    return documented.strip().partition("\n")[0]


def tell_mismatches(report: pytest.TestReport, error: BaseException | None) -> None:
    """Have the report of a step that failed say what was expected and what was found."""
    if isinstance(error, StepFailed):
        found = [[one.what, one.expected, one.found] for one in error.result.mismatches]
        setattr(report, _MISMATCHES, found)


@dataclass(frozen=True)
class Expected:
    """An item that is to be run."""

    bed: str
    phase: str
    title: str = ""
    where: str = ""


class CheckRecords:
    """Takes what is expected and what is reported, and gives the beds with their checks."""

    def __init__(self) -> None:
        self._expected: dict[str, Expected] = {}
        self._checks: dict[str, CheckRecord] = {}
        self._more: list[tuple[str, CheckRecord]] = []
        """What failed after a check had failed already, with the check's id."""

    def expect(self, nodeid: str, expected: Expected) -> None:
        self._expected.setdefault(nodeid, expected)

    def add(self, report: pytest.TestReport) -> None:
        """Take the report of one of an item's three parts; one of no bed's is left out."""
        expected = self._place(report)
        if expected is None or report.outcome not in ("passed", "failed", "skipped"):
            return
        before = self._checks.get(report.nodeid)
        if before is None or report.when == "setup":
            # A second time, where a plugin runs again what failed.
            before = _blank(report.nodeid, expected)
        now = _with_times(before, report)
        if report.failed and before.outcome in _BAD:
            again = replace(_with_failure(now, report), name=f"{now.name} ({report.when})")
            self._more.append((report.nodeid, again))
        elif report.failed:
            now = _with_failure(now, report)
        elif report.skipped:
            now = replace(now, outcome=Outcome.SKIPPED, reason=_why_skipped(report))
        elif report.when == "call" and before.outcome is Outcome.NOT_RUN:
            now = replace(now, outcome=Outcome.PASSED)
        self._checks[report.nodeid] = now

    def _place(self, report: pytest.TestReport) -> Expected | None:
        said = {name: str(value) for name, value in report.user_properties}
        if BED_PROPERTY not in said:
            # Of an item whose worker crashed the scheduler reports, who knows its id alone.
            return self._expected.get(report.nodeid)
        line = (report.location[1] or 0) + 1
        expected = Expected(
            said[BED_PROPERTY],
            said.get(PHASE_PROPERTY, ""),
            said.get(TITLE_PROPERTY, ""),
            f"{report.location[0]}:{line}",
        )
        self._expected[report.nodeid] = expected
        return expected

    def __bool__(self) -> bool:
        """Whether anything was reported."""
        return bool(self._checks)

    def beds(self) -> tuple[BedRecord, ...]:
        """The beds in their order, each with its checks in theirs, also those that never ran."""
        beds: dict[str, list[CheckRecord]] = {}
        for nodeid, expected in self._expected.items():
            checks = beds.setdefault(expected.bed, [])
            checks.append(self._checks.get(nodeid) or _blank(nodeid, expected))
            checks.extend(more for owner, more in self._more if owner == nodeid)
        return tuple(
            BedRecord(name, directory_of(name), tuple(checks)) for name, checks in beds.items()
        )


def directory_of(bed: str) -> str:
    """The directory of a bed's evidence, from the whole name: `check-x-f43` of `check-x[f43]`."""
    return bed.replace("[", "-").removesuffix("]")


def check_name(nodeid: str, bed: str, phase: str) -> str:
    """The step or test that an id names, without what the plugin adds to tell phases apart."""
    _, _, inside = nodeid.partition("::")
    place, bracket, parameters = inside.partition("[")
    name = place.rpartition("::")[2] or nodeid
    node, _, variant = _parts(bed)
    labels = [f"{node}-{variant}-{phase}", f"{variant}-{phase}", f"{node}-{phase}", phase]
    rest = next(_without(parameters.removesuffix("]"), labels), parameters.removesuffix("]"))
    return f"{name}[{rest}]" if bracket and rest else name


def _parts(bed: str) -> tuple[str, str, str]:
    return bed.removesuffix("]").partition("[")


def _without(parameters: str, labels: list[str]) -> Iterator[str]:
    """The parameters without the first of the labels that stands at their beginning or end."""
    for label in labels:
        if parameters == label:
            yield ""
        if parameters.startswith(f"{label}-"):
            yield parameters.removeprefix(f"{label}-")
        if parameters.endswith(f"-{label}"):
            yield parameters.removesuffix(f"-{label}")


def _blank(nodeid: str, expected: Expected) -> CheckRecord:
    return CheckRecord(
        id=nodeid,
        phase=expected.phase,
        name=check_name(nodeid, expected.bed, expected.phase),
        title=expected.title,
        where=expected.where,
        outcome=Outcome.NOT_RUN,
    )


def _with_times(check: CheckRecord, report: pytest.TestReport) -> CheckRecord:
    began, ended = report.start, report.stop
    if report.when == "setup":
        return replace(check, waited_from=began, ended=ended)
    if report.when == "call":
        return replace(check, began=began, seconds=report.duration, ended=ended)
    return replace(check, ended=ended)


def _with_failure(check: CheckRecord, report: pytest.TestReport) -> CheckRecord:
    faults = [str(value) for name, value in report.user_properties if name == FAULT_PROPERTY]
    fault = Fault(faults[-1]) if faults else Fault.BED
    mismatches = tuple(MismatchRecord(*one) for one in getattr(report, _MISMATCHES, ()))
    failed = report.when == "call" and fault is Fault.CHECK
    return replace(
        check,
        outcome=Outcome.FAILED if failed else Outcome.ERROR,
        fault=fault,
        reason=_why_failed(report, fault, mismatches),
        mismatches=mismatches,
        text=report.longreprtext,
        output="\n".join(
            f"{title}\n{said}" for title, said in report.sections if "Captured" in title
        ),
    )


def _why_failed(
    report: pytest.TestReport, fault: Fault, mismatches: tuple[MismatchRecord, ...]
) -> str:
    if mismatches:
        first = mismatches[0]
        return _line(f"{first.what}: expected {first.expected}, found {first.found}")
    lines = [line for line in report.longreprtext.splitlines() if line.strip()]
    crash: Any = getattr(report.longrepr, "reprcrash", None)
    if fault is Fault.CHECK and crash is not None:
        at = [line[1:].strip() for line in lines if line.startswith(">")]
        # A bare `assert` in a module that pytest has not rewritten says nothing of itself.
        silent = bool(at) and " " not in crash.message.strip()
        return _line(f"{crash.message.strip()}: {at[-1]}" if silent else crash.message)
    if fault is Fault.CHARLY and len(lines) > 1:
        # Below the frames, and above the request to report it.
        return _line(lines[-2])
    # The first names the bed or the check, which the page says anyway.
    return _line(lines[1] if len(lines) > 1 else "".join(lines))


def _why_skipped(report: pytest.TestReport) -> str:
    if hasattr(report, "wasxfail"):
        return _line(f"expected to fail: {report.wasxfail}")
    why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
    return _line(why.removeprefix("Skipped: "))


def _line(text: str) -> str:
    line = " ".join(text.partition("\n")[0].split())
    return line if len(line) <= 300 else f"{line[:300]}…"
