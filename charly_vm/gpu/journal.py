"""What a switch has begun and done, and cards that are given up for this boot: in a directory that
root writes, everybody reads, and a reboot empties.

    lock                 held by whoever switches
    group-12.json        a switch that is under way, or was interrupted
    poison-12.json       a card that nobody may touch until the host has booted anew
    persistence          nvidia-persistenced was stopped, and is to be started on the way back
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from charly_vm.gpu.root import HOST, HostRoot, names_in, read_text
from charly_vm.gpu.steps import BadOrder, Before, Step, as_data, read_step

FORMAT = 1
_POISON = re.compile(r"poison-([0-9]+)\.json")
_ODD = (KeyError, TypeError, ValueError, AttributeError, BadOrder)


@dataclass(frozen=True, slots=True)
class Done:
    """A step that was done, or may have been."""

    step: Step
    before: Before


@dataclass(frozen=True, slots=True)
class Switch:
    """A switch as far as it has come."""

    group: int
    addresses: tuple[str, ...]
    target: str
    boot_id: str
    done: tuple[Done, ...] = ()
    """The last of them may be under way."""
    child: int = 0
    child_began: str = ""
    """When, in the kernel's own count: with the id it names the process for good."""
    """The process that does the last of them."""
    reason: str = ""
    """Why it was left as it is, where it was."""


@dataclass(frozen=True, slots=True)
class Poison:
    """Why a card is given up."""

    group: int
    addresses: tuple[str, ...]
    boot_id: str
    reason: str
    since: float = field(default_factory=time.time)


class Busy(Exception):
    """Somebody else switches."""


class Journal:
    """The directory of one host."""

    def __init__(self, root: HostRoot = HOST) -> None:
        self._root = root
        self.directory = root.path / "run/charly/gpu"

    @property
    def boot_id(self) -> str:
        return read_text(self._root.proc / "sys/kernel/random/boot_id")

    @contextmanager
    def held(self, seconds: float) -> Iterator[int]:
        """Switch alone; gives the lock's descriptor. Raises `Busy` where another does for longer
        than this."""
        self.directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            _lock(descriptor, seconds)
            yield descriptor
        finally:
            os.close(descriptor)

    def is_held(self) -> bool:
        """Whether somebody switches now."""
        try:
            descriptor = os.open(self.directory / "lock", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def write_switch(self, switch: Switch) -> None:
        data: dict[str, Any] = {name: getattr(switch, name) for name in switch.__slots__}
        data["format"] = FORMAT
        data["done"] = [
            {"step": as_data(one.step), "before": as_data(one.before)} for one in switch.done
        ]
        self._write(f"group-{switch.group}.json", data)

    def find_switch(self, group: int) -> Switch | None:
        """A switch of this boot that has not ended; None where there is none. Of one whose record
        cannot be read nothing is known that could be taken back."""
        file = self.directory / f"group-{group}.json"
        try:
            file.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            return self._unreadable(group, str(error))
        data = self._read(file.name)
        try:
            switch = Switch(
                group=int(data["group"]),
                addresses=tuple(str(one) for one in data["addresses"]),
                target=str(data["target"]),
                boot_id=str(data["boot_id"]),
                done=tuple(
                    Done(read_step(one["step"]), _read_before(one["before"]))
                    for one in data["done"]
                ),
                child=int(data["child"]),
                child_began=str(data.get("child_began", "")),
                reason=str(data["reason"]),
            )
        except _ODD:
            return self._unreadable(group, f"its record {file} cannot be read")
        return switch if switch.boot_id == self.boot_id else None

    def _unreadable(self, group: int, reason: str) -> Switch:
        return Switch(group, (), "another mode", self.boot_id, reason=reason)

    def end_switch(self, group: int) -> None:
        (self.directory / f"group-{group}.json").unlink(missing_ok=True)

    def poison(self, switch: Switch, reason: str) -> None:
        poison = Poison(switch.group, switch.addresses, switch.boot_id, reason)
        self._write(f"poison-{switch.group}.json", {**asdict(poison), "format": FORMAT})

    def find_poison(self, group: int) -> Poison | None:
        """Why this card is given up; None where it is not, or was in an earlier boot."""
        data = self._read(f"poison-{group}.json")
        try:
            found = Poison(
                group=int(data["group"]),
                addresses=tuple(str(one) for one in data["addresses"]),
                boot_id=str(data["boot_id"]),
                reason=str(data["reason"]),
                since=float(data["since"]),
            )
        except _ODD:
            return None
        return found if found.boot_id == self.boot_id else None

    def find_poisons(self) -> list[Poison]:
        """All cards that are given up, by their groups."""
        names = [_POISON.fullmatch(name) for name in names_in(self.directory)]
        groups = sorted(int(name[1]) for name in names if name)
        return [found for group in groups if (found := self.find_poison(group))]

    def clear_poison(self, group: int) -> None:
        (self.directory / f"poison-{group}.json").unlink(missing_ok=True)

    @property
    def persistence_was_stopped(self) -> bool:
        return os.access(self.directory / "persistence", os.F_OK)

    def note_persistence(self, *, stopped: bool) -> None:
        mark = self.directory / "persistence"
        if stopped:
            mark.touch()
        else:
            mark.unlink(missing_ok=True)

    def _write(self, name: str, data: Mapping[str, Any]) -> None:
        # In one step. It need not outlast a power cut, after which nothing of it is true.
        self.directory.mkdir(parents=True, exist_ok=True)
        temporary = self.directory / f".{name}.tmp"
        temporary.write_text(json.dumps(data) + "\n")
        temporary.chmod(0o644)
        temporary.rename(self.directory / name)

    def _read(self, name: str) -> Mapping[str, Any]:
        with suppress(OSError, ValueError):
            data = json.loads((self.directory / name).read_text())
            if isinstance(data, dict) and data.get("format") == FORMAT:
                return data
        return {}


def _read_before(data: Mapping[str, Any]) -> Before:
    return Before(**{**data, "modules": tuple(str(one) for one in data.get("modules", ()))})


def _lock(descriptor: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise Busy from None
            time.sleep(0.02)
        else:
            return
