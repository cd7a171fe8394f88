"""Spans of a bed's run: what they say, and that whoever watches hears the same as before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from charly_vm.machine.timings import Timings


class Heard:
    """A watcher that writes down what it hears."""

    def __init__(self) -> None:
        self.words: list[str] = []

    @contextmanager
    def phase(self, text: str) -> Iterator[None]:
        self.words.append(f"begin {text}")
        yield
        self.words.append(f"end {text}")

    @contextmanager
    def transfer(self, text: str, total: int | None) -> Iterator[Callable[[int], None]]:
        yield lambda done: self.words.append(f"{text} {done}/{total}")

    def note(self, text: str) -> None:
        self.words.append(text)


def told(timings: Timings) -> list[tuple[object, ...]]:
    names = ("phase", "what", "outcome", "depth")
    return [tuple(span[name] for name in names) for span in timings.spans()]


def test_phases_and_transfers_are_spans_of_the_beds_phase_and_lie_in_each_other() -> None:
    heard = Heard()
    timings = Timings(heard, "deployed")
    with timings.phase("building"), timings.transfer("downloading", 7) as update:
        update(3)
    timings.note("a note")
    checks = timings.open("checks")
    with timings.phase("stopping"):
        assert told(timings)[-2:] == [
            ("deployed", "checks", "running", 0),
            ("deployed", "stopping", "running", 1),
        ]
    timings.close(checks, "failed")
    timings.bed_phase = "rebuilt"
    with timings.phase("rebuilding"):
        pass
    assert told(timings) == [
        ("deployed", "building", "ok", 0),
        ("deployed", "downloading", "ok", 1),
        ("deployed", "checks", "failed", 0),
        ("deployed", "stopping", "ok", 1),
        ("rebuilt", "rebuilding", "ok", 0),
    ]
    assert heard.words == [
        *("begin building", "downloading 3/7", "end building", "a note"),
        *("begin stopping", "end stopping", "begin rebuilding", "end rebuilding"),
    ]


def test_what_fails_or_is_interrupted_has_failed() -> None:
    timings = Timings(Heard(), "deployed")
    with pytest.raises(KeyboardInterrupt), timings.phase("building"), timings.phase("copying"):
        raise KeyboardInterrupt
    assert [span["outcome"] for span in timings.spans()] == ["failed", "failed"]


def test_a_span_that_lasts_says_how_long_so_far() -> None:
    timings = Timings(Heard(), "deployed")
    span = timings.open("checks")
    span.started -= 5
    assert 5 <= timings.spans()[0]["seconds"] < 6
    assert abs(timings.spans()[0]["began"] - timings.began) < 1
