from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import pytest

from charly_vm.errors import GuestTimeout
from charly_vm.host.waiting import Deadline, NotYet, wait_for


def test_an_answer_is_returned_as_soon_as_it_is_there() -> None:
    answers: Iterator[NotYet | str] = iter([NotYet("one"), NotYet("two"), "three"])
    assert wait_for("three", lambda: next(answers), Deadline(10), every=0.01) == "three"


def test_what_is_seen_meanwhile_is_told() -> None:
    answers: Iterator[NotYet | str] = iter([NotYet("one"), NotYet("two"), "three"])
    seen: list[str] = []
    wait_for("three", lambda: next(answers), Deadline(10), every=0.01, seen=seen.append)
    assert seen == ["one", "two"]


@pytest.mark.parametrize("answer", [None, False, 0, ""])
def test_only_not_yet_means_wait(answer: object) -> None:
    assert wait_for("anything", lambda: answer, Deadline(0)) is answer


def test_the_deadline_says_what_was_awaited_and_what_was_seen_last() -> None:
    began = time.monotonic()
    seen = iter(f"step {number}" for number in range(1000))
    with pytest.raises(
        GuestTimeout, match=r"waited 0 s for the door; last seen: step \d+"
    ) as caught:
        wait_for("the door", lambda: NotYet(next(seen)), Deadline(0.2), every=0.05)
    assert 0.2 <= time.monotonic() - began < 1
    assert (caught.value.awaited, caught.value.seconds) == ("the door", 0.2)
    assert int(caught.value.seen.split()[1]) >= 2


def test_a_deadline_that_has_passed_still_allows_one_try() -> None:
    tries = itertools.count()
    with pytest.raises(GuestTimeout, match="last seen: try 0"):
        wait_for("nothing", lambda: NotYet(f"try {next(tries)}"), Deadline(0))


def test_the_last_try_comes_after_the_deadline() -> None:
    deadline = Deadline(0.2)
    answer = wait_for(
        "its end", lambda: "late" if deadline.passed else NotYet(), deadline, every=60
    )
    assert answer == "late"


def test_an_error_of_the_probe_ends_the_wait() -> None:
    def probe() -> NotYet:
        raise ZeroDivisionError

    began = time.monotonic()
    with pytest.raises(ZeroDivisionError):
        wait_for("never", probe, Deadline(60))
    assert time.monotonic() - began < 1


def test_nested_waits_share_what_is_left() -> None:
    deadline = Deadline(0.3)
    with pytest.raises(GuestTimeout):
        wait_for("the first", lambda: NotYet(), Deadline(deadline.remaining(0.1)), every=0.01)
    assert 0 < deadline.remaining() <= 0.2
    assert deadline.remaining(at_most=0.01) == 0.01
    with pytest.raises(GuestTimeout):
        wait_for("the second", lambda: NotYet(), deadline, every=0.01)
    assert deadline.passed
    assert deadline.remaining() == 0
