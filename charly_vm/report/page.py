"""The page: a run as one HTML document that needs nothing else. Looks at no file but its own parts.

What is shown is decided here and in `timeline`; `page.html.j2` says where it stands. Every text is
escaped and made readable on its way into the document, and a content security policy allows no
script and no style but the page's own.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from urllib.parse import quote

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from charly_vm.report.model import (
    BedEvidence,
    BedRecord,
    CheckRecord,
    EvidenceFile,
    Fault,
    MismatchRecord,
    Outcome,
    RunRecord,
    Span,
    worst_first,
)
from charly_vm.report.text import first_line, readable, shortened
from charly_vm.report.timeline import BAD, Kind, Timeline, draw_timeline, duration

FAILURE_BYTES = 500_000
"""For the texts of all failures together; each may have what is left by the others."""

_FAULTS = {
    Fault.CHECK: ("{} check failed", "{} checks failed"),
    Fault.BED: ("{} bed could not be had", "{} beds could not be had"),
    Fault.CHARLY: ("{} error of charly itself", "{} errors of charly itself"),
}
_SIGNS = {
    Outcome.FAILED: "✗",
    Outcome.ERROR: "!",
    Outcome.NOT_RUN: "·",
    Outcome.PASSED: "✓",
    Outcome.SKIPPED: "–",  # noqa: RUF001  # as typography has it
}
OPEN_BEDS = 12
"""So many beds with failures lie open at first; more would take the browser too long."""

_BED_WORDS = {Outcome.ERROR: "could not be had"}
_FAULT_WORDS = {
    Fault.CHECK: "the guest is not as the check wants it",
    Fault.BED: "the bed could not be had",
    Fault.CHARLY: "a defect of charly itself",
}


def render_page(run: RunRecord, evidence: Mapping[str, BedEvidence]) -> str:
    """The document. `evidence` has an entry for each bed of the run."""
    environment = Environment(
        loader=FunctionLoader(_part),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": duration, "size": size, "href": _href, "sign": _SIGNS.get}
    style, script = _part("style.css"), _part("page.js")
    return environment.get_template("page.html.j2").render(
        page=Page(run, evidence),
        style=Markup(style),
        script=Markup(script),
        policy=_policy(style, script),
        kinds=list(Kind),
    )


def _part(name: str) -> str:
    return files("charly_vm.report").joinpath(name).read_text(encoding="utf-8")


def _finalize(value: object) -> object:
    return readable(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _href(path: str) -> str:
    return quote(path, errors="replace")


def _policy(style: str, script: str) -> str:
    def digest(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    return (
        f"default-src 'none'; img-src data:; style-src {digest(style)}; "
        f"script-src {digest(script)}; base-uri 'none'; form-action 'none'"
    )


def size(count: int) -> str:
    """Bytes for people."""
    if count < 1024:
        return f"{count} B"
    if count < 1024 * 1024:
        return f"{count / 1024:.0f} KiB"
    return f"{count / 1024 / 1024:.1f} MiB"


@dataclass(frozen=True)
class Page:
    """What the template shows of a run."""

    run: RunRecord
    evidence: Mapping[str, BedEvidence]
    bad: tuple[Outcome, ...] = BAD

    @cached_property
    def verdict(self) -> str:
        """The headline."""
        told = self.faults
        if told:
            return "; ".join(told)
        if not self._is_finished:
            return "Not finished"
        passed, skipped = self.run.count(Outcome.PASSED), self.run.count(Outcome.SKIPPED)
        if not passed:
            return "Nothing was checked"
        checks = f"{passed} check{'s' * (passed != 1)} passed"
        return f"{checks}, {skipped} skipped" if skipped else checks

    @property
    def _is_finished(self) -> bool:
        return not self.run.cut_short and not self.run.count(Outcome.NOT_RUN)

    @property
    def mood(self) -> str:
        """Of the headline: bad, unsure or good."""
        if self.run.faults(Fault.CHECK) or self.run.faults(Fault.CHARLY):
            return "bad"
        sure = not self.faults and self._is_finished and self.run.count(Outcome.PASSED)
        return "good" if sure else "unsure"

    @cached_property
    def faults(self) -> list[str]:
        """How many failures of each kind there are; a bed that could not be had is one."""
        counts = {fault: self.run.faults(fault) for fault in Fault}
        counts[Fault.BED] = sum(
            any(check.fault is Fault.BED for check in bed.checks) for bed in self.run.beds
        )
        return [
            _FAULTS[fault][count != 1].format(count) for fault, count in counts.items() if count
        ]

    @cached_property
    def counts(self) -> list[tuple[Outcome, int]]:
        """Checks by what became of them."""
        counts = [(outcome, self.run.count(outcome)) for outcome in Outcome]
        return [(outcome, count) for outcome, count in counts if count]

    @cached_property
    def timeline(self) -> Timeline:
        return draw_timeline(self.run, self.evidence)

    @cached_property
    def beds(self) -> list[BedView]:
        seconds = {row.bed.name: row.seconds for row in self.timeline.rows}
        return [
            BedView(bed, self.evidence[bed.name], seconds[bed.name], self._text_limit, place)
            for place, bed in enumerate(worst_first(self.run.beds))
        ]

    @cached_property
    def _text_limit(self) -> int:
        bad = self.run.count(*BAD)
        return max(400, min(12_000, FAILURE_BYTES // max(1, bad)))

    @cached_property
    def bed_outcomes(self) -> list[tuple[Outcome, int]]:
        """How many beds there are of each outcome, where there are several."""
        counts = dict.fromkeys(Outcome, 0)
        for bed in self.run.beds:
            counts[bed.outcome] += 1
        found = [(outcome, count) for outcome, count in counts.items() if count]
        return found if len(found) > 1 else []

    def bed_words(self, outcome: Outcome) -> str:
        return _BED_WORDS.get(outcome, outcome.value)

    def moment(self, seconds: float) -> str:
        return f"{_local(seconds):%Y-%m-%d %H:%M:%S %Z}"

    def iso(self, seconds: float) -> str:
        return _local(seconds).isoformat(timespec="seconds")


def _local(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds).astimezone()


@dataclass(frozen=True)
class BedView:
    """What the template shows of a bed."""

    bed: BedRecord
    evidence: BedEvidence
    seconds: float
    text_limit: int
    place: int
    """Among the beds of the page, from 0."""

    @property
    def is_open(self) -> bool:
        return bool(self.failures) and self.place < OPEN_BEDS

    @property
    def anchor(self) -> str:
        return bed_anchor(self.bed)

    @property
    def facts(self) -> str:
        """Entity, backend and accelerator, as far as they are known."""
        timings = self.evidence.timings
        known = [timings.entity, timings.backend, timings.accelerator]
        return " · ".join(word for word in known if word)

    @property
    def told(self) -> str:
        """Its checks in numbers."""
        counts = [(outcome, self.bed.count(outcome)) for outcome in Outcome]
        words = {Outcome.ERROR: "not tried"}
        return ", ".join(
            f"{count} {words.get(outcome, outcome.value)}" for outcome, count in counts if count
        )

    @cached_property
    def failures(self) -> list[FailureView]:
        """The same failure in both phases is one."""
        bad = sorted(
            (check for check in self.bed.checks if check.outcome in BAD),
            key=lambda one: one.outcome is not Outcome.FAILED,
        )
        alike: dict[object, list[CheckRecord]] = {}
        for check in bad:
            key = (_without_phase(check), check.fault, check.reason, check.mismatches)
            alike.setdefault(key, []).append(check)
        return [FailureView(self.bed, found, self.text_limit) for found in alike.values()]

    @cached_property
    def rows(self) -> list[CheckRow]:
        """A row per check, with what became of it in each phase."""
        by_name: dict[tuple[str, str], dict[str, CheckRecord]] = {}
        for check in self.bed.checks:
            by_name.setdefault(_without_phase(check), {})[check.phase] = check
        return [CheckRow(self.bed, found, self.bed.phases) for found in by_name.values()]

    @cached_property
    def shelves(self) -> list[Shelf]:
        """Its evidence by phase."""
        phases = dict.fromkeys(file.phase for file in self.evidence.files)
        return [
            Shelf(phase, [file for file in self.evidence.files if file.phase == phase])
            for phase in phases
        ]

    @property
    def spans(self) -> Sequence[Span]:
        return self.evidence.timings.spans


@dataclass(frozen=True)
class Shelf:
    """The evidence of one phase of a bed."""

    phase: str
    files: Sequence[EvidenceFile]

    @property
    def pictures(self) -> list[EvidenceFile]:
        return [file for file in self.files if file.picture]

    @property
    def texts(self) -> list[EvidenceFile]:
        return [file for file in self.files if file.text]

    @property
    def others(self) -> list[EvidenceFile]:
        return [file for file in self.files if not file.text and not file.picture]


@dataclass(frozen=True)
class CheckRow:
    """One check, in all phases."""

    bed: BedRecord
    found: Mapping[str, CheckRecord]
    phases: Sequence[str]

    @property
    def check(self) -> CheckRecord:
        return next(iter(self.found.values()))

    @property
    def cells(self) -> list[tuple[CheckRecord | None, str]]:
        """What became of it in each phase, with the anchor."""
        checks = [self.found.get(phase) for phase in self.phases]
        return [(check, check_anchor(self.bed, check) if check else "") for check in checks]


@dataclass(frozen=True)
class FailureView:
    """A check that failed, or that could not be tried, in one phase or alike in several."""

    bed: BedRecord
    checks: Sequence[CheckRecord]
    limit: int

    @property
    def check(self) -> CheckRecord:
        return self.checks[0]

    @property
    def anchors(self) -> list[str]:
        """That of each phase."""
        return [check_anchor(self.bed, check) for check in self.checks]

    @property
    def phases(self) -> str:
        return " and ".join(f"[{check.phase}]" for check in self.checks)

    @property
    def title(self) -> str:
        if self.check.fault is Fault.BED:
            # That it happened in this check says nothing.
            return first_line(self.check.text) or f"{self.bed.name} could not be had"
        return self.check.title or self.check.name

    @property
    def fault(self) -> str:
        return _FAULT_WORDS[self.check.fault or Fault.CHECK]

    @property
    def mismatches(self) -> list[MismatchRecord]:
        return [
            MismatchRecord(
                one.what, *(shortened(text, self.limit) for text in (one.expected, one.found))
            )
            for one in self.check.mismatches[:20]
        ]

    @property
    def text(self) -> str:
        return shortened(self.check.text, self.limit)

    @property
    def output(self) -> str:
        return shortened(self.check.output, self.limit // 2)


def _without_phase(check: CheckRecord) -> tuple[str, str]:
    """Two modules of a bed may have a test of the same name, and one test several parameters."""
    return check.origin, check.name


def bed_anchor(bed: BedRecord) -> str:
    return f"bed-{bed.directory}"


def check_anchor(bed: BedRecord, check: CheckRecord) -> str:
    """Unique in the page, and the same in every run."""
    file, _, inside = check.origin.partition("::")
    classes = inside.split("::")[:-1]
    # A step's id is all that it needs: charly.yml has one of it in a bed.
    place = () if file.endswith((".yml", ".yaml")) else (file, *classes)
    words = "-".join((bed.directory, check.phase, *place, check.name))
    return "check-" + quote(words, safe="", errors="replace").replace("%", "_")
