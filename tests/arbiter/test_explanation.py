"""What is told to those who wait: who, since when, which place, and until when."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from charly_vm.arbiter.explanation import describe_use, explain_wait
from charly_vm.arbiter.history import History
from charly_vm.arbiter.ledger import Book, Ledger
from charly_vm.arbiter.policy import Blocker, Why
from charly_vm.arbiter.records import Claimant, ClaimRecord, Life
from charly_vm.arbiter.view import Observed
from charly_vm.arbiter.wish import make_wish
from charly_vm.host.durations import Durations

GPU = make_wish(["gpu"])
GRANTED = time.mktime((2026, 3, 4, 20, 10, 30, 0, 0, -1))
CLAIM = ClaimRecord(
    id="a",
    claimant=Claimant("check-x", "me", 1000, 7, worker="gw1"),
    wish=GPU,
    place=1.0,
    boot_id="",
    granted=GRANTED,
)
ME = replace(CLAIM, id="me", granted=0.0, claimant=Claimant("me", "me", 1000, 8))
HELD = "gpu is held exclusively by check-x (pid 7, gw1, since 20:10)"


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(Durations(tmp_path / "durations.json"))


def explain(
    blockers: Sequence[Blocker],
    history: History,
    *claims: ClaimRecord,
    observed: Sequence[Observed] = (),
) -> str:
    book = Book(Ledger(Path("/none")), {claim.id: claim for claim in (*claims, ME)}, {})
    return explain_wait(ME, blockers, book, observed, history)


def test_who_has_it_since_when(history: History) -> None:
    assert explain([Blocker("gpu", Why.HAS, "a")], history, CLAIM) == HELD


def test_one_who_has_several_tokens_is_told_once(history: History) -> None:
    blockers = [Blocker("gpu", Why.HAS, "a"), Blocker("dongle", Why.HAS, "a")]
    assert explain(blockers, history, CLAIM) == HELD


@pytest.mark.parametrize(
    ("ahead", "told"),
    [
        *((1, "second"), (8, "ninth"), (9, "10th"), (10, "11th"), (11, "12th"), (20, "21st")),
        *((21, "22nd"), (22, "23rd"), (23, "24th"), (110, "111th"), (120, "121st")),
    ],
)
def test_the_place_in_the_line(history: History, ahead: int, told: str) -> None:
    blockers = [Blocker("gpu", Why.AHEAD, f"c{number}") for number in range(ahead)]
    blockers += blockers
    assert explain(blockers, history) == f"{told} in line"


def test_no_more_than_three_are_named(history: History) -> None:
    claims = [replace(CLAIM, id=f"c{number}") for number in range(5)]
    seen = explain([Blocker("gpu", Why.HAS, one.id) for one in claims], history, *claims)
    assert seen.count("check-x") == 3
    assert seen.endswith("; and by 2 more")


def test_it_is_expected_free_when_the_last_one_goes_and_all_are_known(history: History) -> None:
    now = time.time()
    one = replace(CLAIM, granted=now - 100)
    other = replace(one, id="b", claimant=Claimant("other", "me", 1000, 9))
    blockers = [Blocker("gpu", Why.HAS, "a"), Blocker("gpu", Why.HAS, "b")]
    history.remember(one, 220)
    assert "expected" not in explain(blockers, history, one, other)
    history.remember(other, 400.5)
    assert explain(blockers, history, one, other).endswith("; expected free in 5 m 00 s")


def test_one_who_takes_longer_than_the_last_time_is_expected_at_any_moment(
    history: History,
) -> None:
    history.remember(CLAIM, 10)
    assert "expected free in 0.0 s" in explain([Blocker("gpu", Why.HAS, "a")], history, CLAIM)


def test_what_is_too_short_or_a_machines_is_not_remembered(history: History) -> None:
    history.remember(CLAIM, 0.5)
    machine = replace(CLAIM, life=Life.MACHINE)
    history.remember(machine, 500)
    assert history.expect_end(CLAIM) is None
    assert history.expect_end(machine) is None


def test_a_holder_that_does_not_give_way_and_one_that_changes(history: History) -> None:
    seen = Observed("1-s", "station", GPU, True, "its owner is at work")
    why = explain([Blocker("gpu", Why.RUNS, "1-s")], history, observed=[seen])
    assert why == "gpu is held by station, which does not give way: its owner is at work"
    why = explain([Blocker("gpu", Why.CHANGES, "1-s")], history, observed=[seen])
    assert why == "gpu is held by station, which is being stopped or started"


def test_ways_to_have_it() -> None:
    shared = replace(CLAIM, wish=make_wish(shared=["gpu"]))
    assert describe_use(shared, "gpu") == "is held by check-x (pid 7, gw1, since 20:10)"
    machine = replace(CLAIM, life=Life.MACHINE)
    assert describe_use(machine, "gpu") == (
        "is held exclusively by check-x (machine of me, since 20:10)"
    )
    assert "dead, its machine is still there" in describe_use(CLAIM, "gpu", left=True)
    assert describe_use(replace(CLAIM, unreadable=True), "gpu") == (
        "may be held by a claim that this charly cannot read (a)"
    )
