"""Which bed is begun next: single choices, and what has to hold over whole runs of many beds."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from simulated_workers import LOG, Outcome, SimulatedBed, Simulation, configuration

from charly_vm.arbiter.policy import Claim, decide
from charly_vm.arbiter.wish import Wish, make_wish
from pytest_charly.distribution import BedScheduling, label, place_in, wish_in
from pytest_charly.scheduling import BedToRun, Mode, choose_bed, in_batches, modes_of

ALONE = make_wish(["gpu"])
SHARED = make_wish(shared=["gpu"])
CAPACITY = {"ram": 8, "seats": 3}


def ram(amount: int) -> Wish:
    return make_wish(amounts={"ram": amount})


def choose(
    *waiting: tuple[str, Wish] | tuple[str, Wish, float],
    running: Sequence[Wish] = (),
    mode: Mode | None = None,
) -> str | None:
    beds = [BedToRun(*one) for one in waiting]
    runs = {f"running-{number}": wish for number, wish in enumerate(running)}
    return choose_bed(beds, runs, {"gpu": mode} if mode else {}, CAPACITY)


def test_one_that_would_have_to_wait_is_not_begun() -> None:
    assert choose(("a", ALONE, 9), ("b", Wish(), 1), running=[SHARED]) == "b"
    assert choose(("a", ALONE, 9), ("b", SHARED, 1), running=[SHARED]) == "b"
    assert choose(("a", ram(5), 9), ("b", ram(4), 1), running=[ram(4)]) == "b"
    # Of what nobody says how much there is of, there is enough.
    assert choose(("a", make_wish(amounts={"discs": 9})), running=[make_wish(amounts={"discs": 9})])


def test_where_each_would_have_to_wait_none_is_begun() -> None:
    assert choose(("a", ALONE), ("b", SHARED), running=[ALONE]) is None
    assert choose(("a", ram(99)), running=[ram(1)]) is None
    assert choose() is None


def test_while_nothing_runs_something_is_begun() -> None:
    assert choose(("a", ram(99))) == "a"
    assert choose(("a", ALONE), mode=Mode.SHARED) == "a"


def test_a_token_stays_in_its_mode_while_somebody_wants_it_so() -> None:
    waiting = [("a", ALONE, 9.0), ("b", SHARED, 1.0), ("c", ALONE, 9.0)]
    assert choose(*waiting, mode=Mode.SHARED) == "b"
    assert choose(*waiting, mode=Mode.EXCLUSIVE) == "a"


def test_what_the_most_has_to_follow_is_begun_first() -> None:
    # Two that come one after the other take longer than the one that is longer than each.
    assert choose(("a", Wish(), 50), ("b", ALONE, 30), ("c", ALONE, 40)) == "c"
    assert choose(("a", Wish(), 90), ("b", ALONE, 30), ("c", ALONE, 40)) == "a"
    # What can run beside others at any time is kept for when nothing else can.
    waiting = [("a", Wish(), 50.0), ("b", SHARED, 30.0), ("c", ALONE, 40.0)]
    assert choose(*waiting, mode=Mode.SHARED) == "b"


def test_of_equals_the_longest_is_begun_first_and_the_unknown_may_be_long() -> None:
    assert choose(("a", Wish(), 1), ("b", Wish(), 3), ("c", Wish(), 2)) == "b"
    assert choose(("a", Wish(), 1), ("b", Wish()), ("c", Wish(), 3)) == "b"
    assert choose(("a", Wish()), ("b", Wish())) == "a"


def test_for_one_worker_those_of_a_mode_come_one_after_the_other() -> None:
    beds = [("a", ALONE), ("b", SHARED), ("c", Wish()), ("d", ALONE), ("e", SHARED)]
    assert in_batches([BedToRun(*bed) for bed in beds]) == ["a", "c", "d", "b", "e"]


def test_an_order_without_conflicts_is_left() -> None:
    beds = [BedToRun(name, wish) for name, wish in (("z", SHARED), ("y", ram(2)), ("x", SHARED))]
    assert in_batches(beds) == ["z", "y", "x"]
    assert in_batches([BedToRun(name, ALONE) for name in "cab"]) == ["c", "a", "b"]


def test_a_label_says_what_a_bed_claims() -> None:
    wish = make_wish(["gpu@charly:odd"], ["b"], {"ram": 2**40})
    labelled = label("test_x.py::test_y[a@b]", ("check-x[f43]", "deployed"), wish)
    assert place_in(labelled) == ("test_x.py::test_y[a@b]", ("check-x[f43]", "deployed"))
    assert wish_in(labelled) == wish
    assert wish_in(label("x", ("check-x", "deployed"))) is None
    assert wish_in("test_x.py::test_y[a@b@c]") is None


wishes = st.builds(
    make_wish,
    st.lists(st.sampled_from(["gpu", "usb"]), max_size=2),
    st.lists(st.sampled_from(["gpu", "usb"]), max_size=2),
    st.dictionaries(st.sampled_from(["ram", "seats"]), st.integers(1, 9)),
)
durations = st.none() | st.floats(1, 1000)


@given(
    st.lists(st.tuples(wishes, durations), max_size=8),
    st.lists(wishes, max_size=3),
    st.dictionaries(st.sampled_from(["gpu", "usb"]), st.sampled_from(Mode)),
)
def test_no_bed_is_begun_that_the_arbiter_has_wait_while_another_would_not(
    waiting: list[tuple[Wish, float | None]], running: list[Wish], modes: dict[str, Mode]
) -> None:
    beds = [BedToRun(f"bed-{number}", *one) for number, one in enumerate(waiting)]
    runs = {f"running-{number}": wish for number, wish in enumerate(running)}
    chosen = choose_bed(beds, runs, modes, CAPACITY)
    granted = {bed.name for bed in beds if would_be_granted(bed.wish, running)}
    assert chosen in granted if granted else chosen is None
    if beds and not running:
        assert chosen is not None


def would_be_granted(wish: Wish, running: Sequence[Wish]) -> bool:
    have = [Claim(str(number), 0, one, granted=True) for number, one in enumerate(running)]
    return bool(decide([*have, Claim("new", 1, wish)], (), CAPACITY).grants)


@given(st.lists(wishes, max_size=12))
def test_an_order_for_one_worker_has_each_bed_once(wanted: list[Wish]) -> None:
    beds = [BedToRun(f"bed-{number}", wish) for number, wish in enumerate(wanted)]
    assert sorted(in_batches(beds)) == sorted(bed.name for bed in beds)


def simulate(
    beds: Sequence[SimulatedBed],
    *,
    workers: int,
    capacity: Mapping[str, int] = CAPACITY,
    seconds: Mapping[str, float] | None = None,
    crashing: str = "",
    given_up: list[str] | None = None,
) -> Outcome:
    expected = seconds or {}
    reported = [] if given_up is None else given_up
    scheduler: Any = BedScheduling(
        configuration(workers),
        LOG,
        lambda report: reported.append(report.nodeid),
        capacity=capacity,
        expect_seconds=lambda name, _: expected.get(name),
    )
    return Simulation(scheduler, beds, workers=workers, capacity=capacity, crashing=crashing).run()


simulated = st.lists(st.tuples(wishes, st.floats(0, 300), st.integers(0, 4)), min_size=1)


@settings(deadline=None)
@given(simulated, st.integers(1, 5), st.booleans())
def test_workers_run_everything_once_and_none_waits_with_a_bed(
    chosen: list[tuple[Wish, float, int]], workers: int, known: bool
) -> None:
    beds = [SimulatedBed(f"bed-{number}", *one) for number, one in enumerate(chosen)]
    seconds = {bed.name: bed.seconds for bed in beds} if known else None
    outcome = simulate(beds, workers=workers, seconds=seconds)
    assert sorted(outcome.ran) == sorted(place_in(one)[0] for bed in beds for one in bed.ids)
    assert outcome.waited == 0


@settings(deadline=None)
@given(simulated, st.integers(1, 5), st.data())
def test_a_worker_that_crashes_takes_the_rest_of_its_bed_alone(
    chosen: list[tuple[Wish, float, int]], workers: int, data: st.DataObject
) -> None:
    beds = [SimulatedBed(f"bed-{number}", *one) for number, one in enumerate(chosen)]
    ids = [place_in(one)[0] for bed in beds for one in bed.ids]
    crashing = data.draw(st.sampled_from(ids))
    given_up: list[str] = []
    outcome = simulate(beds, workers=workers, crashing=crashing, given_up=given_up)
    assert outcome.crashed == [crashing]
    assert sorted([*outcome.ran, *given_up, crashing]) == sorted(ids)
    assert {one.partition("::")[0] for one in given_up} <= {crashing.partition("::")[0]}
    assert outcome.waited == 0


@pytest.mark.parametrize("checks", [1, 2, 5])
@pytest.mark.parametrize("workers", [1, 2, 4, 8])
def test_a_token_changes_its_mode_once_in_a_run(workers: int, checks: int) -> None:
    for seed in range(5):
        chance = random.Random(seed)
        beds = [
            SimulatedBed(f"bed-{number}", wish, chance.uniform(30, 300), checks)
            for number, wish in enumerate([ALONE, SHARED, Wish()] * 6)
        ]
        chance.shuffle(beds)
        outcome = simulate(beds, workers=workers)
        assert outcome.flips == 1
        assert outcome.waited == 0


def test_tests_of_no_bed_fill_the_time_in_which_no_bed_can_be_begun() -> None:
    beds = [SimulatedBed(name, ALONE) for name in ("a", "b")]
    spread = [SimulatedBed(f"test-{number}", checks=0) for number in range(9)]
    outcome = simulate([*spread, *beds], workers=2)
    assert outcome.begun == ["a", "b"]
    ended = outcome.ran.index("a::3")
    assert {f"test-{number}.py::test" for number in range(9)} <= set(outcome.ran[:ended])


def test_a_thousand_beds_are_chosen_from_in_no_time() -> None:
    kinds = [ALONE, SHARED, Wish(), ram(4), make_wish(["usb"], ["gpu"])]
    beds = [BedToRun(str(number), kinds[number % 5], number) for number in range(1000)]
    began = time.process_time()
    modes = dict(modes_of(SHARED))
    assert choose_bed(beds, {"x": SHARED}, modes, CAPACITY)
    assert len(in_batches(beds)) == 1000
    assert time.process_time() - began < 0.5
