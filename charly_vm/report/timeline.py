"""When each bed did what, as bars on one axis: what the picture shows, without a line of HTML.

Places are percent of the axis, which begins with the run and ends a little after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from charly_vm.report.model import (
    PHASES,
    REMOVAL,
    BedEvidence,
    BedRecord,
    CheckRecord,
    Outcome,
    RunRecord,
    Span,
    Timings,
)

BAD = (Outcome.FAILED, Outcome.ERROR)

_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
_MOST_TICKS = 6
CHECKS = "checks"
"""What the engine calls the time between a guest that is ready and the phase's end."""

_LEAST_SECONDS = 0.05
"""What is shorter is no work: a check whose bed was up already."""


class Kind(str, Enum):
    """What a bed does; the value is a class of the style sheet."""

    UP = "up"
    CHECKS = "checks"
    REBUILD = "rebuild"
    REMOVAL = "removal"

    @property
    def words(self) -> str:
        return _WORDS[self]


_WORDS = {
    Kind.UP: "coming up",
    Kind.CHECKS: "checks",
    Kind.REBUILD: "rebuild",
    Kind.REMOVAL: "removal",
}
_KINDS = {PHASES[0]: Kind.UP, PHASES[1]: Kind.REBUILD, REMOVAL: Kind.REMOVAL}


@dataclass(frozen=True, slots=True)
class Bar:
    """Some time of a bed's."""

    kind: Kind
    left: float
    width: float
    told: str
    """What it is, with its duration."""
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """The moment of a failure."""

    left: float
    told: str


@dataclass(frozen=True, slots=True)
class Row:
    """One bed."""

    bed: BedRecord
    seconds: float
    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]
    sentence: str
    """The same in words, for those who do not see the bars."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on the axis."""

    left: float
    label: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """The picture of a run."""

    rows: tuple[Row, ...]
    ticks: tuple[Tick, ...]


def duration(seconds: float) -> str:
    """For people: `0.4 s`, `42 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def draw_timeline(run: RunRecord, evidence: Mapping[str, BedEvidence]) -> Timeline:
    """Beds in the order in which they began; those without any time last."""
    work = {bed.name: list(_work(bed, evidence[bed.name].timings)) for bed in run.beds}
    ends = [one.span.ended for found in work.values() for one in found]
    length = max([run.ended, *ends]) - run.began
    scale = 100 / max(length, 1.0)
    rows = [_row(bed, work[bed.name], run.began, scale) for bed in run.beds]
    rows.sort(key=lambda row: row.bars[0].left if row.bars else 101)
    return Timeline(tuple(rows), tuple(_ticks(length, scale)))


@dataclass(frozen=True, slots=True)
class _Work:
    kind: Kind
    span: Span


def _work(bed: BedRecord, timings: Timings) -> Iterator[_Work]:
    """What the engine has noted, and the checks between; where it noted nothing, the checks' own
    set-up and teardown."""
    noted = [
        _Work(_KINDS[span.phase], span)
        for span in timings.outermost
        # Those, the checks themselves say more exactly.
        if span.phase in _KINDS and span.what != CHECKS
    ]
    work = [*noted, *_checks(bed), *(() if noted else _around(bed))]
    yield from sorted(work, key=lambda one: one.span.began)


def _checks(bed: BedRecord) -> Iterator[_Work]:
    for phase in bed.phases:
        tried = [check for check in bed.in_phase(phase) if check.began]
        if tried:
            began = min(check.began for check in tried)
            ended = max(check.began + check.seconds for check in tried)
            failed = any(check.outcome in BAD for check in tried)
            count = f"{len(tried)} check{'s' * (len(tried) != 1)}"
            yield _Work(Kind.CHECKS, Span(phase, count, began, ended - began, failed))


def _around(bed: BedRecord) -> Iterator[_Work]:
    for phase in bed.phases:
        kind = _KINDS.get(phase, Kind.UP)
        for check in bed.in_phase(phase):
            ready = check.began or check.ended
            if check.waited_from and ready - check.waited_from > _LEAST_SECONDS:
                failed = not check.began and check.outcome in BAD
                seconds = ready - check.waited_from
                yield _Work(kind, Span(phase, kind.words, check.waited_from, seconds, failed))
    last = max(bed.checks, key=lambda check: check.ended, default=None)
    if last and last.began and last.ended - last.began - last.seconds > _LEAST_SECONDS:
        over = last.began + last.seconds
        yield _Work(Kind.REMOVAL, Span(REMOVAL, "removal", over, last.ended - over))


def _row(bed: BedRecord, work: Sequence[_Work], began: float, scale: float) -> Row:
    def place(moment: float) -> float:
        return round(min(100.0, max(0.0, (moment - began) * scale)), 3)

    bars = []
    for one in work:
        left, right = place(one.span.began), place(one.span.ended)
        told = f"{_told(one)}, {duration(one.span.seconds)}"
        bars.append(Bar(one.kind, left, round(right - left, 3), told, one.span.failed))
    marks = [
        Mark(place(_moment(check)), f"{check.name} {check.outcome.value}")
        for check in bed.checks
        if check.outcome in BAD and _moment(check)
    ]
    seconds = _total(work)
    parts = [f"{one.kind.words} {duration(one.span.seconds)}" for one in _merged(work)]
    sentence = f"{bed.name} {bed.outcome.value}: {', '.join(parts) or 'nothing was done'}"
    return Row(bed, seconds, tuple(bars), tuple(marks), sentence)


def _told(one: _Work) -> str:
    what = one.span.what
    return (
        what
        if what == one.kind.words
        else f"{one.kind.words}: {what}"
        if what
        else _WORDS[one.kind]
    )


def _moment(check: CheckRecord) -> float:
    return check.began + check.seconds if check.began else check.ended


def _total(work: Sequence[_Work]) -> float:
    if not work:
        return 0.0
    return max(one.span.ended for one in work) - min(one.span.began for one in work)


def _merged(work: Sequence[_Work]) -> list[_Work]:
    """Neighbours of one kind as one."""
    merged: list[_Work] = []
    for one in work:
        if merged and merged[-1].kind is one.kind and merged[-1].span.phase == one.span.phase:
            before = merged.pop().span
            seconds = max(before.ended, one.span.ended) - before.began
            one = _Work(one.kind, Span(before.phase, before.what, before.began, seconds))
        merged.append(one)
    return merged


def _ticks(length: float, scale: float) -> Iterator[Tick]:
    step = next((step for step in _STEPS if length / step <= _MOST_TICKS), _STEPS[-1])
    for number in range(int(length // step) + 1):
        yield Tick(round(number * step * scale, 3), _clock(number * step))


def _clock(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    if minutes >= 60:
        return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"
    return f"{minutes}:{rest:02}"
