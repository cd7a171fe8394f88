"""What a report knows: a run, its beds, their checks, and what is there to look at.

Times are seconds since the epoch, durations are seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

PHASES = ("deployed", "rebuilt")
"""In which a bed is checked, in this order."""

REMOVAL = "removal"
"""The name of the time after the last check, as a phase of spans."""


class Outcome(str, Enum):
    """What became of a check. The first of these among its checks is a bed's own."""

    FAILED = "failed"
    ERROR = "error"
    """It could not be tried: the bed, or charly, is at fault."""
    NOT_RUN = "not run"
    PASSED = "passed"
    SKIPPED = "skipped"


class Fault(str, Enum):
    """Whose fault a check that did not pass is."""

    CHECK = "check"
    """The guest is not as the check wants it."""
    BED = "bed"
    """The host, the image, the network or the time did not allow the bed to come up."""
    CHARLY = "charly"
    """An error that charly did not expect."""


@dataclass(frozen=True, slots=True)
class MismatchRecord:
    """One thing that was not as a step expects it."""

    what: str
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class CheckRecord:
    """One check in one phase of a bed."""

    id: str
    """pytest's node id."""
    phase: str
    name: str
    """The step's id or the test's name, without the phase."""
    title: str
    """The step's prose, or what the test's docstring begins with; may be empty."""
    where: str
    """`file:line`."""
    outcome: Outcome
    fault: Fault | None = None
    began: float = 0.0
    """When it was itself carried out: the bed was up. 0 where that never came."""
    seconds: float = 0.0
    waited_from: float = 0.0
    """When its set-up began, in which the first check of a phase brings the bed up."""
    ended: float = 0.0
    """When its teardown was over, in which the last check removes the bed."""
    reason: str = ""
    """One line: why it did not pass."""
    mismatches: tuple[MismatchRecord, ...] = ()
    text: str = ""
    """The whole failure, or why it was skipped."""
    output: str = ""
    """What it has printed, where it failed."""

    @property
    def origin(self) -> str:
        """Where it is written, the same in both phases: `test_x.py::TestA::test_b`."""
        file, _, inside = self.id.partition("::")
        # What stands in brackets may hold anything, `::1` included.
        return f"{file}::{inside.partition('[')[0]}"


@dataclass(frozen=True, slots=True)
class BedRecord:
    """What became of one bed, or of one variant of it."""

    name: str
    """For people: `check-x`, or `check-x[f43]`."""
    directory: str
    """Its evidence's, below the run's."""
    checks: tuple[CheckRecord, ...] = ()
    files: tuple[str, ...] = ()
    """Its evidence, relative to `directory`, with `/`."""

    @property
    def outcome(self) -> Outcome:
        """The worst of its checks'; where none was carried out, it did not pass."""
        order = list(Outcome)
        found = (check.outcome for check in self.checks)
        return min(found, key=order.index, default=Outcome.NOT_RUN)

    def count(self, *outcomes: Outcome) -> int:
        return sum(check.outcome in outcomes for check in self.checks)

    def in_phase(self, phase: str) -> tuple[CheckRecord, ...]:
        return tuple(check for check in self.checks if check.phase == phase)

    @property
    def phases(self) -> tuple[str, ...]:
        """Those that it has checks in, in their order."""
        found = dict.fromkeys(check.phase for check in self.checks)
        known = [phase for phase in PHASES if phase in found]
        return (*known, *(phase for phase in found if phase not in PHASES))


@dataclass(frozen=True, slots=True)
class AcceleratorRecord:
    """One of QEMU's accelerators, and whether guest code runs under it on that host."""

    name: str
    works: bool
    reason: str


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run of pytest with beds."""

    project: str
    """The path of charly.yml."""
    command: str
    host: str
    charly: str
    """The version."""
    commit: str
    """The project's, with `-dirty` where it has changes; empty where there is no git."""
    accelerators: tuple[AcceleratorRecord, ...]
    began: float
    ended: float
    beds: tuple[BedRecord, ...]
    cut_short: str = ""
    """Why it ended before its last check, as in `interrupted`; empty where it did not."""

    @property
    def checks(self) -> tuple[CheckRecord, ...]:
        return tuple(check for bed in self.beds for check in bed.checks)

    def faults(self, fault: Fault) -> int:
        return sum(check.fault is fault for check in self.checks)

    def count(self, *outcomes: Outcome) -> int:
        return sum(check.outcome in outcomes for check in self.checks)

    @property
    def seconds(self) -> float:
        return max(0.0, self.ended - self.began)


@dataclass(frozen=True, slots=True)
class Span:
    """Some time that a bed took for one thing."""

    phase: str
    """`deployed` and `rebuilt` for coming up, `removal` for the end."""
    what: str
    began: float
    seconds: float
    failed: bool = False
    depth: int = 0
    """How many other spans it is a part of."""

    @property
    def ended(self) -> float:
        return self.began + self.seconds


@dataclass(frozen=True, slots=True)
class Timings:
    """What the engine has noted about a bed's time."""

    entity: str = ""
    backend: str = ""
    accelerator: str = ""
    spans: tuple[Span, ...] = ()

    @property
    def outermost(self) -> tuple[Span, ...]:
        return tuple(span for span in self.spans if span.depth == 0)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that the page itself holds."""

    uri: str
    """`data:…`"""
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """A file that a bed has left, and what the page shows of it."""

    path: str
    """Relative to the page, with `/`."""
    phase: str
    title: str
    size: int
    """Bytes."""
    text: str = ""
    """A part of it, where it is text; empty where the page only links to it."""
    part: str = ""
    """Which part that is; empty where it is all of it."""
    picture: Picture | None = None

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class BedEvidence:
    """What there is to look at of one bed."""

    timings: Timings = Timings()
    files: tuple[EvidenceFile, ...] = ()


def worst_first(beds: Iterable[BedRecord]) -> list[BedRecord]:
    """Beds with failures, then those that could not be had, then the rest, each in their order."""
    order = list(Outcome)
    return sorted(beds, key=lambda bed: order.index(bed.outcome))
