"""Claimants of a storm: each claims, holds and gives back at random until it is told to stop.

Run as a program this file is the nursery: DIRECTORY, and a line `LOG SEED` on its standard input
for each claimant, which it forks; it answers with the pid. At the end of its input it waits for
them all. What a claimant has is in its own log, a line of JSON for each event:

    begin  written after the grant        end  written before it is given back
    beat   it still has it                up   a holder runs, at some instant between two times
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yard import Yard, YardHolder

import charly_vm.arbiter.view as view_module
from charly_vm.arbiter.claiming import Arbiter, Lease
from charly_vm.arbiter.ledger import Ledger
from charly_vm.arbiter.records import Claimant
from charly_vm.arbiter.wish import Wish, make_wish
from charly_vm.errors import ClaimUnavailable

TOKENS = ("a", "b", "c")
CAPACITY = {"a": 4, "b": 4, "c": 4}
HOLDERS = {
    "alone": make_wish(["a"]),
    "beside": make_wish(shared=["b"]),
    "some": make_wish(amounts={"c": 2}),
    "wide": make_wish(shared=["a"], amounts={"b": 1}),
}
SETTLE_SECONDS = 0.1
PATIENCE = 300.0
"""Nobody waits for so long, unless something is lost."""


class Log:
    """Each line is one write, so that it is there or not when its writer is killed."""

    def __init__(self, file: Path) -> None:
        self._descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, **event: Any) -> None:
        os.write(self._descriptor, (json.dumps(event) + "\n").encode())


@dataclass(frozen=True)
class StormHolder(YardHolder):
    """Takes its time, and tells when it has surely been up."""

    log: Log | None = None

    def stop(self, seconds: float) -> bool:
        self._tell_up()
        time.sleep(random.uniform(0, 0.003))
        self._tell_up()
        return super().stop(seconds)

    def start(self) -> None:
        time.sleep(random.uniform(0, 0.003))
        super().start()
        self._tell_up()

    def tell(self, what: str) -> None:
        pass

    def _tell_up(self) -> None:
        if self.log is not None:
            watch(self, self.log)


def watch(holder: YardHolder, log: Log) -> None:
    """Write down that a holder runs, where it does."""
    before = time.monotonic_ns()
    if holder.is_running():
        log.write(what="up", holder=holder.name, after=before, before=time.monotonic_ns())


@dataclass(frozen=True)
class StormYard(Yard):
    into: Log | None = None

    def get(self, name: str) -> YardHolder:
        one = super().get(name)
        terms: tuple[str, Wish, float, bool] = (name, one.wish, one.grace, one.on_success)
        return StormHolder(self.directory, *terms, self.into)


def make_arbiter(directory: Path, log: Log | None = None) -> Arbiter:
    return Arbiter(
        Ledger(directory / "leases"), StormYard(directory / "yard", log), capacity=CAPACITY
    )


class StormClaimant:
    def __init__(self, directory: Path, log: Log, seed: int) -> None:
        self.stop = directory / "stop"
        self.log = log
        self.random = random.Random(seed)
        self.arbiter = make_arbiter(directory, log)
        self.claimant = Claimant(f"storm-{seed}", "me", os.getuid(), os.getpid())

    def run(self) -> None:
        number = 0
        while not self.stop.exists():
            number += 1
            owner = f"{self.claimant.name}-{number}" if self.random.random() < 0.3 else ""
            with self._having(owner):
                if owner and self.random.random() < 0.5:
                    self._have_more(owner)

    def _have_more(self, owner: str) -> None:
        try:
            with self._having(owner):
                pass
        except ClaimUnavailable as error:
            if "for ever" not in str(error):
                raise

    @contextmanager
    def _having(self, owner: str) -> Iterator[None]:
        wish = self._wish()
        lease = self.arbiter.claim(wish, self.claimant, timeout=PATIENCE, owner=owner)
        self._begin(lease, owner)
        yield
        end = time.monotonic() + self.random.uniform(0, 0.012)
        while time.monotonic() < end:
            time.sleep(0.002)
            self._tell("beat", lease)
        self._tell("end", lease)
        lease.release(success=self.random.random() < 0.8)

    def _wish(self) -> Wish:
        parts: dict[str, dict[str, int]] = {"exclusive": {}, "shared": {}, "amount": {}}
        for token in self.random.sample(TOKENS, self.random.choice((1, 1, 2, 3))):
            parts[self.random.choice(list(parts))][token] = self.random.randint(1, 3)
        return make_wish(parts["exclusive"], parts["shared"], parts["amount"])

    def _begin(self, lease: Lease, owner: str) -> None:
        wish = lease.wish
        tokens = {
            **dict.fromkeys(wish.exclusive, "exclusive"),
            **dict.fromkeys(wish.shared, "shared"),
            **wish.amounts,
        }
        self._tell("begin", lease, tokens=tokens, owner=owner or lease.id)

    def _tell(self, what: str, lease: Lease, **more: Any) -> None:
        self.log.write(what=what, id=lease.id, at=time.monotonic_ns(), **more)


def main() -> None:
    # A holder of these does not go down by itself once its claimant was killed.
    view_module.SETTLE_SECONDS = SETTLE_SECONDS
    directory = Path(sys.argv[1])
    children: set[int] = set()
    for line in sys.stdin:
        file, seed = line.split()
        child = os.fork()
        if child == 0:
            _live(directory, Path(file), int(seed))
        children.add(child)
        print(child, flush=True)
        # Those that were killed are waited for in the end, so that no pid is used again.
    if not (directory / "stop").exists():
        for child in children:
            os.kill(child, signal.SIGKILL)
    for child in children:
        os.waitpid(child, 0)


def _live(directory: Path, file: Path, seed: int) -> None:
    log = Log(file)
    try:
        StormClaimant(directory, log, seed).run()
    except BaseException:
        log.write(what="failed", why=traceback.format_exc())
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
