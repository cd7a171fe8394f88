"""What pytest and its plugin add to the engine's own work for a bed of two phases, on a real guest.

A guest takes longer at one time than at another by more than that. So all is one run: its time,
without what it spends in the engine's methods, is compared with that of a pytest that has one empty
test. The figure: under 1 s more.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

from platformdirs import user_cache_path

from charly_vm.host.process import run

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests/live"))
from tiny_guest import build_tiny_image
from workspace import Workspace, workspace

ROUNDS = 3
LIMIT_SECONDS = 1.0

CLOCK = """
import pathlib
import time

import pytest_charly.assembly
import pytest_charly.collection
from charly_vm import BedRun

spent = 0.0


def clocked(function):
    def call(*words, **named):
        global spent
        started = time.perf_counter()
        try:
            return function(*words, **named)
        finally:
            spent += time.perf_counter() - started
    return call


for name in ("prepare", "bring_up", "rebuild", "tear_down"):
    setattr(BedRun, name, clocked(getattr(BedRun, name)))
pytest_charly.collection.run_step = clocked(pytest_charly.collection.run_step)


def pytest_unconfigure():
    pathlib.Path("spent").write_text(str(spent))
"""


def main() -> None:
    with workspace(build_tiny_image(user_cache_path("charly-tests")), "qemu") as place:
        (place.directory / "clock.py").write_text(CLOCK)
        (place.directory / "test_empty.py").write_text("def test_nothing(): pass\n")
        # The first compiles.
        rounds = [(_pytest(place, "test_empty.py"), _bed(place)) for _ in range(ROUNDS + 1)][1:]
    bare, ours = (statistics.median(column) for column in zip(*rounds, strict=True))
    more = ours - bare
    verdict = "good" if more < LIMIT_SECONDS else "TOO SLOW"
    print(
        f"a bed's run beside the engine's work: {ours:.2f} s, bare pytest {bare:.2f} s: "
        f"{more:+.2f} s (limit +{LIMIT_SECONDS:.0f} s: {verdict})"
    )


def _bed(place: Workspace) -> float:
    took = _pytest(place, "-p", "clock", "--charly-bed=check-tiny")
    return took - float((place.directory / "spent").read_text())


def _pytest(place: Workspace, *words: str) -> float:
    environment = {**place.environment, "PYTHONPATH": str(place.directory)}
    started = time.perf_counter()
    run(
        [sys.executable, "-m", "pytest", "-q", *words],
        timeout=300,
        cwd=place.directory,
        env=environment,
    )
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
