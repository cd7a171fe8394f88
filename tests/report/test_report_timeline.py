"""The bars of a run: where they stand, and what they say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sample_run import BEGAN, bed_of, write_sample

from charly_vm.report.evidence import gather_evidence
from charly_vm.report.model import BedEvidence, RunRecord, Span, Timings
from charly_vm.report.timeline import Kind, draw_timeline, duration


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("evidence")


@pytest.fixture(scope="module")
def run(directory: Path) -> RunRecord:
    return write_sample(directory, beds=4)


def test_what_the_engine_noted_and_the_checks_between_are_a_row_of_bars(
    directory: Path, run: RunRecord
) -> None:
    row = draw_timeline(run, gather_evidence(run, directory)).rows[0]
    assert [bar.kind for bar in row.bars] == [
        *(Kind.UP, Kind.UP, Kind.UP, Kind.CHECKS),
        *(Kind.REBUILD, Kind.REBUILD, Kind.CHECKS, Kind.REMOVAL),
    ]
    assert row.bars[0].told == "coming up: build the disk, 12 s"
    assert row.bars[0].left == pytest.approx(100 * 2 / 180, abs=0.01)
    assert row.bars[0].width == pytest.approx(100 * 12 / 180, abs=0.01)
    assert row.seconds == 83
    assert row.sentence == (
        "check-matrix[f40] passed: coming up 34 s, checks 5.8 s, rebuild 32 s, checks 5.8 s, "
        "removal 2.0 s"
    )


def test_without_the_engines_notes_the_checks_own_times_make_the_bars() -> None:
    bed = bed_of("check-x", BEGAN)
    first, *rest = bed.checks
    last = replace(rest[-1], ended=rest[-1].ended + 3)
    bed = replace(bed, checks=(replace(first, waited_from=first.began - 30), *rest[:-1], last))
    run = RunRecord("", "", "", "", "", (), BEGAN, BEGAN + 90, (bed,))
    row = draw_timeline(run, {"check-x": BedEvidence()}).rows[0]
    assert [bar.told for bar in row.bars] == [
        "coming up, 30 s",
        "checks: 6 checks, 5.8 s",
        "checks: 6 checks, 5.8 s",
        "removal, 3.0 s",
    ]


def test_failures_are_marked_where_they_happened(directory: Path, run: RunRecord) -> None:
    rows = draw_timeline(run, gather_evidence(run, directory)).rows
    assert [len(row.marks) for row in rows] == [0, 2, 0, 1]
    assert rows[1].marks[0].told == "motd failed"
    assert [bar.kind for bar in rows[1].bars if bar.failed] == [Kind.CHECKS, Kind.CHECKS]
    assert [bar.told for bar in rows[3].bars if bar.failed] == ["coming up: wait for SSH, 14 s"]


def test_beds_stand_in_the_order_in_which_they_began(directory: Path, run: RunRecord) -> None:
    run = replace(run, beds=run.beds[::-1])
    rows = draw_timeline(run, gather_evidence(run, directory)).rows
    assert [row.bed.name for row in rows] == [
        *("check-matrix[f40]", "check-debian-1", "check-debian-2", "check-matrix[f43]"),
    ]


def test_a_bed_that_never_ran_has_a_row_that_says_so() -> None:
    bed = replace(bed_of("check-x", BEGAN), checks=())
    run = RunRecord("", "", "", "", "", (), BEGAN, BEGAN, (bed,))
    timeline = draw_timeline(run, {"check-x": BedEvidence()})
    assert timeline.rows[0].sentence == "check-x not run: nothing was done"
    assert timeline.rows[0].bars == ()


def test_nothing_stands_outside_of_the_picture() -> None:
    bed = bed_of("check-x", BEGAN)
    spans = (Span("deployed", "", BEGAN - 50, 60), Span("removal", "", BEGAN + 80, 10_000))
    run = RunRecord("", "", "", "", "", (), BEGAN, BEGAN + 90, (bed,))
    timeline = draw_timeline(run, {"check-x": BedEvidence(Timings(spans=spans))})
    for bar in timeline.rows[0].bars:
        assert 0 <= bar.left <= 100
        assert 0 <= bar.width <= 100 - bar.left + 0.01
    assert all(0 <= tick.left <= 100 for tick in timeline.ticks)


@pytest.mark.parametrize(
    ("seconds", "labels"),
    [
        (0.5, ["0:00"]),
        (42, ["0:00", "0:10", "0:20", "0:30", "0:40"]),
        (600, ["0:00", "2:00", "4:00", "6:00", "8:00", "10:00"]),
        (20_000, ["0:00", "1:00:00", "2:00:00", "3:00:00", "4:00:00", "5:00:00"]),
    ],
)
def test_the_axis_has_a_few_round_times(seconds: float, labels: list[str]) -> None:
    run = RunRecord("", "", "", "", "", (), BEGAN, BEGAN + seconds, ())
    assert [tick.label for tick in draw_timeline(run, {}).ticks] == labels


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        *((0, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1 min 00 s")),
        *((185, "3 min 05 s"), (3599.7, "1 h 00 min"), (7_800, "2 h 10 min")),
    ],
)
def test_durations_are_as_exact_as_people_want_them(seconds: float, told: str) -> None:
    assert duration(seconds) == told
