"""What placing beds by what they claim saves against pytest-xdist's own order, in simulated time.

60 beds of 30 to 300 s: a third has a GPU alone, a third shares it, a third has none. Changing the
GPU's driver takes 20 s. The figures: how often it is changed and how long a run takes, as medians
over some mixes. With ours it is changed at most twice.
"""

from __future__ import annotations

import random
import statistics
import sys
from pathlib import Path
from typing import Any

from xdist.scheduler import LoadScopeScheduling

from charly_vm.arbiter.wish import Wish, make_wish
from pytest_charly.distribution import BedScheduling, place_in

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "plugin"))
from simulated_workers import LOG, Outcome, SimulatedBed, Simulation, configuration

MIXES = 15
BEDS = 60
FLIP_SECONDS = 20.0
WISHES = (make_wish(["gpu"]), make_wish(shared=["gpu"]), Wish())
LIMIT = 2


class OwnOrder(LoadScopeScheduling):  # type: ignore[misc]  # xdist comes without types
    """xdist's own: the next worker that is free takes the next bed of the queue."""

    def _split_scope(self, nodeid: str) -> str:
        _, place = place_in(nodeid)
        return place[0] if place else nodeid


def main() -> None:
    for workers in (2, 4, 8):
        known = [_compare(seed, workers, known=True) for seed in range(MIXES)]
        unknown = [_compare(seed, workers, known=False) for seed in range(MIXES)]
        own, ours = (
            statistics.median(one.flips for one in column) for column in zip(*known, strict=True)
        )
        worst = max(one.flips for _, one in known + unknown)
        verdict = "good" if worst <= LIMIT else "TOO MANY"
        print(
            f"{workers} workers  flips {own:.0f} -> {ours:.0f}, {ours / own:.2f} times "
            f"(at most {worst}; limit {LIMIT}: {verdict})  makespan {_ratio(known):.2f} times, "
            f"{_ratio(unknown):.2f} where no duration is known; the least there can be times "
            f"{_above_least(known, workers):.2f}"
        )


def _ratio(pairs: list[tuple[Outcome, Outcome]]) -> float:
    return statistics.median(ours.makespan / own.makespan for own, ours in pairs)


def _above_least(pairs: list[tuple[Outcome, Outcome]], workers: int) -> float:
    return statistics.median(
        ours.makespan / _least(seed, workers) for seed, (_, ours) in enumerate(pairs)
    )


def _least(seed: int, workers: int) -> float:
    """No run is shorter than its work is divided by the workers, nor than the GPU is in use."""
    beds = _mix(seed)
    alone = sum(bed.seconds for bed in beds if bed.wish.exclusive)
    shared = sum(bed.seconds for bed in beds if bed.wish.shared)
    whole = sum(bed.seconds for bed in beds)
    flip = FLIP_SECONDS
    return max((whole + flip) / workers, alone + shared / workers + flip)


def _compare(seed: int, workers: int, *, known: bool) -> tuple[Outcome, Outcome]:
    """xdist's own, and ours."""
    beds = _mix(seed)
    seconds = {bed.name: bed.seconds for bed in beds}
    config = configuration(workers)
    schedulers: tuple[Any, Any] = (
        OwnOrder(config, LOG),
        BedScheduling(
            config,
            LOG,
            _no_report,
            capacity={},
            expect_seconds=lambda name, _: seconds[name] if known else None,
        ),
    )
    own, ours = (
        Simulation(one, beds, workers=workers, flip_seconds=FLIP_SECONDS).run()
        for one in schedulers
    )
    assert sorted(own.ran) == sorted(ours.ran)
    return own, ours


def _no_report(report: object) -> None:
    """No worker crashes."""


def _mix(seed: int) -> list[SimulatedBed]:
    chance = random.Random(seed)
    beds = [
        SimulatedBed(f"bed-{number}", WISHES[number % 3], chance.uniform(30, 300))
        for number in range(BEDS)
    ]
    chance.shuffle(beds)
    return beds


if __name__ == "__main__":
    main()
