"""Claimants without number, some of which are killed: nothing is had twice, and nothing is lost."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL

import pytest
from claimer import environment
from storm_claimant import CAPACITY, HOLDERS, PATIENCE, SETTLE_SECONDS, Log, make_arbiter, watch
from storm_referee import Held, Seen, Storm, Use, judge, read_storm
from yard import Yard

import charly_vm.arbiter.view as view_module
from charly_vm.arbiter.wish import Wish


def uses(wish: Wish) -> Mapping[str, Use]:
    return {
        **dict.fromkeys(wish.exclusive, "exclusive"),
        **dict.fromkeys(wish.shared, "shared"),
        **wish.amounts,
    }


HAS = {name: uses(wish) for name, wish in HOLDERS.items()}


@dataclass
class Weather:
    """A storm: a nursery that starts claimants, and a killer that knows whom it has started."""

    directory: Path
    seed: int
    logs: list[Path] = field(default_factory=list)
    killed: dict[str, int] = field(default_factory=dict)
    alive: dict[int, Path] = field(default_factory=dict)

    def blow(self, processes: int, seconds: float) -> None:
        yard = Yard(self.directory / "yard")
        for name, wish in HOLDERS.items():
            yard.add(name, wish, grace=0.05)
        chance = random.Random(self.seed)
        over = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(yard, over))
        nursery = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("storm_claimant.py"), self.directory],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        try:
            for _ in range(processes):
                self._start(nursery)
            watcher.start()
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                time.sleep(chance.uniform(0, 0.5))
                self._kill(self._choose(chance))
                self._start(nursery)
            (self.directory / "stop").touch()
            nursery.communicate(timeout=2 * PATIENCE)
        finally:
            over.set()
            # It ends those that it has started when its input ends.
            nursery.communicate(timeout=2 * PATIENCE)
            watcher.join()

    def _start(self, nursery: subprocess.Popen[str]) -> None:
        assert nursery.stdin
        assert nursery.stdout
        log = self.directory / f"claimant-{len(self.logs)}.log"
        log.touch()
        self.logs.append(log)
        print(log, self.seed * 100_000 + len(self.logs), file=nursery.stdin, flush=True)
        self.alive[int(nursery.stdout.readline())] = log

    def _choose(self, chance: random.Random) -> int:
        """Anybody, or rather one that has something: most of them wait."""
        some = chance.sample(list(self.alive), 4)
        busy = [pid for pid in some if is_busy(self.alive[pid])]
        return busy[0] if busy and chance.random() < 0.7 else some[0]

    def _kill(self, pid: int) -> None:
        """One that the nursery has started, and waits for only in the end: the pid is its own."""
        import os

        log = self.alive.pop(pid)
        self.killed[log.name] = time.monotonic_ns()
        os.kill(pid, SIGKILL)

    def _watch(self, yard: Yard, over: threading.Event) -> None:
        file = self.directory / "holders.log"
        file.touch()
        self.logs.append(file)
        log = Log(file)
        holders = [yard.get(name) for name in HOLDERS]
        while not over.wait(0.003):
            for holder in holders:
                watch(holder, log)


def is_busy(log: Path) -> bool:
    """Whether a claimant has something, or stops or starts a holder, and does not only wait."""
    lines = log.read_text().splitlines()
    return bool(lines) and '"what": "end"' not in lines[-1]


@pytest.fixture(autouse=True)
def nothing_goes_down_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view_module, "SETTLE_SECONDS", SETTLE_SECONDS)


def weather(directory: Path, processes: int, seconds: float) -> None:
    seed = random.randrange(10_000)
    storm = Weather(directory, seed)
    storm.blow(processes, seconds)
    found = read_storm(storm.logs, storm.killed)
    told = f"seed {seed}: {len(found.held)} claims, {len(storm.killed)} killed"
    print(f"{told}, holders seen up {len(found.seen)} times")
    assert judge(found, CAPACITY, HAS) == [], told
    assert found.held, told
    assert storm.killed
    assert {one.holder for one in found.seen} == set(HOLDERS), told
    arbiter = make_arbiter(directory)
    arbiter.restore(wait=True)
    arbiter.restore(wait=True)
    with arbiter.ledger.open() as book:
        assert not book.claims, told
        assert not book.stopped, told
    assert Yard(directory / "yard").down() == [], told
    assert list((directory / "leases/claims").iterdir()) == []
    assert list((directory / "leases/damaged").iterdir()) == []


@pytest.mark.slow
def test_a_gust(tmp_path: Path) -> None:
    weather(tmp_path, processes=8, seconds=4)


@pytest.mark.live
@pytest.mark.timeout(0)
def test_a_storm(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """`--storm-seconds` says how long; it may be hours."""
    weather(tmp_path, processes=32, seconds=pytestconfig.getoption("storm_seconds"))


def held(name: str, use: Use, begin: int, end: int, *, owner: str = "") -> Held:
    return Held(name, owner or name, {"a": use}, begin, end)


@pytest.mark.parametrize(
    ("first", "second", "wrong"),
    [
        ("exclusive", "exclusive", True),
        ("exclusive", "shared", True),
        (1, "exclusive", True),
        ("shared", "shared", False),
        ("shared", 4, False),
        (1, 3, False),
        (2, 3, True),
    ],
)
def test_the_referee_sees_what_was_had_at_once(first: Use, second: Use, wrong: bool) -> None:
    for begin, end in ((10, 20), (5, 15), (12, 13), (0, 100), (19, 20), (19, 30)):
        storm = Storm((held("x", first, 10, 20), held("y", second, begin, end)), (), ())
        assert bool(judge(storm, {"a": 4}, {})) == wrong
    for begin, end in ((0, 10), (20, 30), (30, 40)):
        storm = Storm((held("x", first, 10, 20), held("y", second, begin, end)), (), ())
        assert not judge(storm, {"a": 4}, {})


def test_the_referee_lets_one_owner_have_it_twice() -> None:
    mine = [held(name, "exclusive", 10, 20, owner="me") for name in "xy"]
    assert not judge(Storm(tuple(mine), (), ()), {"a": 4}, {})


@pytest.mark.parametrize(
    ("use", "has", "wrong"),
    [
        ("exclusive", "shared", True),
        ("shared", "exclusive", True),
        ("shared", "shared", False),
        (3, 2, True),
        (2, 2, False),
    ],
)
def test_the_referee_sees_a_holder_that_is_up(use: Use, has: Use, wrong: bool) -> None:
    times = (held("x", use, 10, 20),)
    holders = {"h": {"a": has}}
    assert bool(judge(Storm(times, (Seen("h", 12, 13),), ()), {"a": 4}, holders)) == wrong
    for after, before in ((5, 11), (19, 21), (1, 2), (30, 31), (5, 40)):
        assert not judge(Storm(times, (Seen("h", after, before),), ()), {"a": 4}, holders)


def test_the_referee_reads_logs_of_the_killed(tmp_path: Path) -> None:
    log = tmp_path / "x"
    log.write_text(
        '{"what": "begin", "id": "1", "at": 5, "tokens": {"a": 1}, "owner": "1"}\n'
        '{"what": "beat", "id": "1", "at": 7}\n'
    )
    assert read_storm([log], {}).held[0].end == 7
    assert read_storm([log], {"x": 9}).held[0].end == 9
    assert read_storm([log], {"x": 6}).held[0].end == 7
