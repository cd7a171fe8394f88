"""What progress looks like."""

from __future__ import annotations

import dataclasses

import pytest

from pytest_charly.progress.board import RunningBed, Task
from pytest_charly.progress.lines import (
    Look,
    console_line,
    end_line,
    note_line,
    render_beds,
    start_line,
    still_line,
    ticked_line,
)

SSH = Task(1, "deployed", "waiting for SSH", 0, began=100.0, last=41.0)
FETCH = Task(2, "deployed", "fetching d.qcow2", 1, 100.0, None, moves=True, total=4096, done=1024)
PLAIN = Look()
FINE = Look(colour=True, unicode=True)


def seen(task: Task, text: str) -> Task:
    return dataclasses.replace(task, seen=text)


def test_each_bed_has_a_line_with_what_it_waits_for_and_how_long_that_took_last_time() -> None:
    beds = [
        RunningBed("check-one", [SSH, seen(SSH, "no banner")]),
        RunningBed("check-other", [FETCH]),
    ]
    assert render_beds(beds, 138.4, PLAIN, width=100, height=10) == [
        "* check-one    deployed  waiting for SSH: no banner            38 s of about 41 s",
        "* check-other  deployed  fetching d.qcow2: 1.0 KiB of 4.0 KiB  38 s",
    ]


@pytest.mark.parametrize(
    ("last", "now", "elapsed"),
    [
        (41.0, 138.9, "38 s of about 41 s"),
        (41.0, 152.0, "52 s, last time 41 s"),
        (None, 138.0, "38 s"),
        # Not worth knowing.
        (0.2, 138.0, "38 s"),
        (90.0, 175.0, "1 m 15 s of about 1 m 30 s"),
    ],
)
def test_the_time_is_said_against_last_time(last: float | None, now: float, elapsed: str) -> None:
    bed = RunningBed("check-one", [dataclasses.replace(SSH, last=last)])
    [line] = render_beds([bed], now, PLAIN, width=100, height=10)
    assert line == f"* check-one  deployed  waiting for SSH  {elapsed}"


def test_between_two_phases_a_bed_keeps_its_line() -> None:
    assert render_beds([RunningBed("check-one")], 0, PLAIN, width=80, height=9) == [
        "* check-one  ..."
    ]


@pytest.mark.parametrize("width", [20, 34, 41, 60])
@pytest.mark.parametrize("text", ["x" * 200, "数" * 100])
def test_no_line_is_wider_than_the_terminal_and_the_time_stays(width: int, text: str) -> None:
    from rich.cells import cell_len

    beds = [RunningBed("check-one", [seen(SSH, text)])]
    [line] = render_beds(beds, 138.0, PLAIN, width=width, height=10)
    assert cell_len(line) <= width
    assert width < 60 or line.endswith("  38 s of about 41 s")
    [painted] = render_beds(beds, 138.0, FINE, width=width, height=10)
    assert painted.count("\x1b[0m") == painted.count("\x1b[") - painted.count("\x1b[0m")


def test_more_beds_than_there_are_rows_are_counted() -> None:
    beds = [RunningBed(f"check-{number}", [SSH]) for number in range(9)]
    lines = render_beds(beds, 100, PLAIN, width=80, height=4)
    assert len(lines) == 4
    assert lines[-1] == "  and 6 more"


@pytest.mark.parametrize(("width", "height"), [(5, 10), (80, 0)])
def test_a_terminal_that_is_too_small_shows_none(width: int, height: int) -> None:
    assert render_beds([RunningBed("x", [SSH])], 0, PLAIN, width=width, height=height) == []


def test_what_stays() -> None:
    unknown = dataclasses.replace(SSH, last=None)
    assert start_line("b", SSH) == "b [deployed]: waiting for SSH ... (last time 41.0 s)"
    assert end_line("b", unknown, 38.24, good=True) == "b [deployed]: waiting for SSH: 38.2 s"
    assert end_line("b", SSH, 70, good=True) == (
        "b [deployed]: waiting for SSH: 1 m 10 s (last time 41.0 s)"
    )
    assert end_line("b", seen(SSH, "no banner"), 90, good=False) == (
        "b [deployed]: waiting for SSH: failed after 1 m 30 s: no banner"
    )
    assert end_line("b", FETCH, 2, good=True) == "b [deployed]: fetching d.qcow2: 2.0 s, 1.0 KiB"
    gone = dataclasses.replace(SSH, stage="", text="removing", last=None)
    assert end_line("b", gone, 1, good=True) == "b: removing: 1.0 s"
    assert end_line("", gone, 1, good=True) == "removing: 1.0 s"


def test_what_goes_on_says_what_it_does_now() -> None:
    disk = Task(1, "deployed", "disk of shape", 0, began=100.0, last=None)
    assert still_line("b", disk, disk, 110) == "b [deployed]: disk of shape: 10 s so far"
    assert still_line("b", disk, FETCH, 170) == (
        "b [deployed]: disk of shape: 1 m 10 s so far: fetching d.qcow2: 1.0 KiB of 4.0 KiB"
    )
    waits = seen(SSH, "no banner")
    assert still_line("b", waits, waits, 110).endswith(": 10 s so far: no banner")


def test_marks_on_a_terminal_and_where_it_knows_no_others() -> None:
    assert ticked_line("b", SSH, 3, Look(unicode=True), good=True) == (
        "✓ b [deployed] waiting for SSH  3.0 s (last time 41.0 s)"
    )
    assert ticked_line("b", SSH, 3, PLAIN, good=False).startswith("FAILED b [deployed] ")
    assert "\x1b[31m✗\x1b[0m" in ticked_line("b", SSH, 3, FINE, good=False)


def test_a_note_names_its_bed_once() -> None:
    assert note_line("b", "deployed", "qemu, tcg", PLAIN) == "b [deployed]: qemu, tcg"
    assert note_line("b", "", "b is kept", PLAIN) == "b is kept"
    assert note_line("", "", "removed x", PLAIN) == "removed x"
    assert console_line("b", "login:", PLAIN) == "b | login:"
