"""What is told of beds, until it is shown and remembered."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from charly_vm import Durations
from charly_vm.host.waiting import Deadline, NotYet, wait_for
from pytest_charly.progress import display as display_module
from pytest_charly.progress.bed_progress import BedProgress
from pytest_charly.progress.display import Detail, Display
from pytest_charly.progress.events import (
    Began,
    Ended,
    Event,
    Left,
    Moved,
    Noted,
    Said,
    Saw,
    decode,
    encode,
)
from pytest_charly.progress.lines import Look
from pytest_charly.progress.screen import Screen

EVENTS: list[Event] = [
    Began("b", 1, "deployed", "fetching", 1, moves=True, total=5),
    Saw("b", 1, "nothing"),
    Moved("b", 1, 3),
    Ended("b", 1, 2.5, True),
    Noted("b", "", "a note"),
    Said("b", ("one", "two")),
    Left("b"),
]


class Shown:
    """A display with a pipe in place of a terminal."""

    def __init__(self, file: Path, detail: Detail = Detail.PHASES, host: str = "tcg") -> None:
        self.stream = io.StringIO()
        self.display = Display(
            Screen(self.stream, live=False), detail, Look(), Durations(file), host
        )

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "durations.json"


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_is_the_same_after_it_was_sent(event: Event) -> None:
    import execnet

    assert decode(execnet.loads(execnet.dumps(encode(event)))) == event


@contextmanager
def _waiting(progress: BedProgress) -> Iterator[None]:
    with progress.phase("waiting for SSH of charly-check-x") as seen:
        seen("no\nbanner\x1b[31m")
        yield


def test_a_pipe_gets_one_line_per_phase(file: Path) -> None:
    shown = Shown(file)
    progress = BedProgress(shown.display.tell, "check-x", "charly-check-x")
    progress.stage = "deployed"
    with progress.phase("disk of shape"), progress.transfer("fetching", 10) as update:
        update(10)
    with pytest.raises(ZeroDivisionError), _waiting(progress):
        raise ZeroDivisionError
    progress.note("charly-check-x: qemu, tcg")
    shown.display.close()
    assert shown.lines == [
        "check-x [deployed]: disk of shape: 0.0 s",
        "check-x [deployed]: waiting for SSH: failed after 0.0 s: no banner[31m",
        "check-x [deployed]: qemu, tcg",
    ]


def test_all_detail_is_the_beginning_of_phases_and_those_inside_too(file: Path) -> None:
    shown = Shown(file, Detail.ALL)
    progress = BedProgress(shown.display.tell, "b")
    with progress.phase("disk of shape"), progress.transfer("fetching", 2048) as update:
        update(2048)
    assert shown.lines == [
        "b: disk of shape ...",
        "b: fetching (2.0 KiB) ...",
        "b: fetching: 0.0 s, 2.0 KiB",
        "b: disk of shape: 0.0 s",
    ]


def test_quiet_shows_consoles_alone_and_remembers_all_the_same(file: Path) -> None:
    shown = Shown(file, Detail.QUIET)
    for event in EVENTS:
        shown.display.tell(event)
    assert shown.lines == ["b | one", "b | two"]
    assert Durations(file).last(("tcg", "b", "deployed", "fetching")) == 2.5


def test_last_time_is_that_of_the_same_bed_stage_and_accelerator(file: Path) -> None:
    first = Shown(file)
    first.display.tell(Began("b", 1, "deployed", "booting", 0))
    first.display.tell(Ended("b", 1, 40.0, True))
    first.display.tell(Began("b", 2, "rebuilt", "booting", 0))
    # What failed took no time that anybody could expect.
    first.display.tell(Ended("b", 2, 90.0, False))
    first.display.tell(Left("b"))
    again, elsewhere = Shown(file), Shown(file, host="kvm")
    for shown in (again, elsewhere):
        for number, stage in enumerate(("deployed", "rebuilt")):
            shown.display.tell(Began("b", number, stage, "booting", 0))
            shown.display.tell(Ended("b", number, 50.0, True))
    assert again.lines == [
        # What takes long is said at its beginning.
        "b [deployed]: booting ... (last time 40.0 s)",
        "b [deployed]: booting: 50.0 s (last time 40.0 s)",
        "b [rebuilt]: booting: 50.0 s",
    ]
    assert elsewhere.lines == ["b [deployed]: booting: 50.0 s", "b [rebuilt]: booting: 50.0 s"]


def test_a_phase_in_a_pipe_that_goes_on_says_so(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seconds in {"TICK": 0.01, "FIRST": 0.05, "AGAIN": 0.05}.items():
        monkeypatch.setattr(display_module, name, seconds)
    shown = Shown(file)
    shown.display.tell(Began("b", 1, "deployed", "waiting for SSH", 0))
    shown.display.tell(Saw("b", 1, "no banner"))
    line = "b [deployed]: waiting for SSH: 0 s so far: no banner"
    wait_for(
        "two lines",
        lambda: shown.lines[:2] == [line, line] or NotYet(str(shown.lines)),
        Deadline(10),
        every=0.01,
    )
    shown.display.close()


def test_what_workers_send_is_shown_and_gone_with_them(file: Path) -> None:
    shown = Shown(file, Detail.ALL)
    for worker in ("gw0", "gw1"):
        # Both say what concerns no bed with the same number.
        shown.display.receive(worker, Began("", 1, "", f"work of {worker}", 0))
    shown.display.receive("gw0", None)
    shown.display.receive("gw0", Ended("", 1, 1.0, True))
    shown.display.receive("gw1", Ended("", 1, 1.0, True))
    shown.display.close()
    assert shown.lines == ["work of gw0 ...", "work of gw1 ...", "work of gw1: 1.0 s"]


class Gone(io.StringIO):
    """A pipe whose reader has ended."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_a_screen_that_is_gone_disturbs_no_bed_and_durations_are_kept(file: Path) -> None:
    display = Display(Screen(Gone(), live=False), Detail.ALL, Look(), Durations(file), "tcg")
    for event in EVENTS:
        display.tell(event)
    display.close()
    assert Durations(file).last(("tcg", "b", "deployed", "fetching")) == 2.5


def test_a_terminal_that_takes_no_output_holds_no_worker_up(file: Path) -> None:
    class Stalled(io.StringIO):
        def write(self, text: str) -> int:
            time.sleep(0.5)
            return len(text)

    display = Display(Screen(Stalled(), live=False), Detail.ALL, Look(), Durations(file), "tcg")
    started = time.monotonic()
    for _ in range(100):
        display.receive("gw0", Saw("b", 1, "something"))
    display.receive("gw0", Noted("b", "", "a note"))
    assert time.monotonic() - started < 0.4
    display.close()


def test_a_directory_that_cannot_be_written_disturbs_no_bed(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    shown = Shown(tmp_path / "taken" / "durations.json")
    for event in EVENTS:
        shown.display.tell(event)
    shown.display.close()
    assert "b: a note" in shown.lines
