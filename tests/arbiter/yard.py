"""Holders whose whole state is files, so that every process sees the same: a yard full of them.

NAME.json  what it has and on which terms    NAME.up     it runs
NAME.log   `stop` and `start`, as they came  NAME.stuck  it does not stop
NAME.broken  its start fails                 NAME.busy   why it does not give way
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from charly_vm.arbiter.holders import GivesWay
from charly_vm.arbiter.records import Life
from charly_vm.arbiter.wish import Wish, make_wish
from charly_vm.errors import LaunchError


@dataclass(frozen=True)
class YardHolder:
    """One of them; it satisfies `arbiter.holders.GivesWay`."""

    directory: Path
    name: str
    wish: Wish
    grace: float = 0.2
    on_success: bool = False

    @property
    def key(self) -> str:
        return f"{os.getuid()}-{self.name}"

    @property
    def found_by(self) -> Mapping[str, str]:
        return {"kind": "yard", "name": self.name}

    def is_running(self) -> bool:
        return self._file("up").exists()

    def find_protection(self) -> str:
        busy = self._file("busy")
        return busy.read_text() if busy.exists() else ""

    def stop(self, seconds: float) -> bool:
        self.tell("stop")
        if self._file("stuck").exists():
            time.sleep(seconds)
            return False
        self._file("up").unlink(missing_ok=True)
        return True

    def start(self) -> None:
        if self.is_running():
            return
        if self._file("broken").exists():
            raise LaunchError(f"{self.name} is broken")
        self._file("up").touch()
        self.tell("start")

    def set(self, kind: str, text: str = "") -> None:
        self._file(kind).write_text(text)

    def unset(self, kind: str) -> None:
        self._file(kind).unlink(missing_ok=True)

    def tell(self, what: str) -> None:
        with self.directory.joinpath("log").open("a") as log:
            log.write(f"{what} {self.name}\n")

    def _file(self, kind: str) -> Path:
        return self.directory / f"{self.name}.{kind}"


@dataclass(frozen=True)
class Yard:
    """A household of them; it satisfies `arbiter.holders.Household`."""

    directory: Path

    def add(
        self, name: str, wish: Wish, *, grace: float = 0.2, on_success: bool = False
    ) -> YardHolder:
        """One that runs."""
        self.directory.mkdir(parents=True, exist_ok=True)
        data = {
            "exclusive": wish.exclusive,
            "shared": wish.shared,
            "amounts": dict(wish.amounts),
            "grace": grace,
            "on_success": on_success,
        }
        (self.directory / f"{name}.json").write_text(json.dumps(data))
        holder = self.get(name)
        holder.set("up")
        return holder

    def get(self, name: str) -> YardHolder:
        data = json.loads((self.directory / f"{name}.json").read_text())
        wish = make_wish(data["exclusive"], data["shared"], data["amounts"])
        return YardHolder(self.directory, name, wish, data["grace"], data["on_success"])

    def destroy(self, name: str) -> None:
        for file in self.directory.glob(f"{name}.*"):
            file.unlink()

    def log(self) -> list[str]:
        """What was done to them, in its order."""
        file = self.directory / "log"
        return file.read_text().splitlines() if file.exists() else []

    def down(self) -> list[str]:
        return [one.name for one in self._all() if not one.is_running()]

    def find_holders(self, tokens: Collection[str]) -> Sequence[GivesWay]:
        return [one for one in self._all() if not set(tokens).isdisjoint(one.wish.tokens)]

    def all_tokens(self) -> Collection[str]:
        return {token for one in self._all() for token in one.wish.tokens}

    def find_again(self, found_by: Mapping[str, str], wish: Wish) -> GivesWay | None:
        name = found_by["name"]
        return self.get(name) if (self.directory / f"{name}.json").exists() else None

    def has_machine(self, domain: str) -> bool:
        return True

    def clear(self, domain: str) -> bool:
        return False

    def expect_return(self, due: bool) -> None:
        pass

    def find_parts(self, domain: str) -> Mapping[Life, Wish] | None:
        return None

    def _all(self) -> list[YardHolder]:
        return [self.get(file.stem) for file in sorted(self.directory.glob("*.json"))]
