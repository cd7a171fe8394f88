"""A program that cuts the power of a snapshot verb at each of its steps, one run after the other.

    python snapshot_cuts.py SCENARIO DIRECTORY [STRIDE [BACKEND]]

For each run a machine is made anew, the verb is carried out in a child process, and the child is
killed (SIGKILL) just before its n-th change to a file below DIRECTORY, its n-th start of a process
or its n-th word to QEMU, until one comes through. After each, the machine is used further, another
verb has to work, and everything that was ever written has to be there. What does not hold ends the
program. With a STRIDE only every so many steps are tried. The number of cuts is printed.

As in `power_cut.py`, Python's audit events tell the moments.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snapshot_place import SnapshotPlace, snapshot_place

from charly_vm.machine.snapshot_record import Mode
from charly_vm.machine.snapshots import (
    Wish,
    create_snapshot,
    delete_snapshot,
    revert_to_snapshot,
)
from charly_vm.machine.start import start_machine
from charly_vm.model.resolved import BackendName

CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.link")
MOST_CUTS = 200


@dataclass(frozen=True)
class Scenario:
    prepare: Callable[[SnapshotPlace], None]
    cut: Callable[[SnapshotPlace], None]
    afterwards: Callable[[SnapshotPlace], None]


def _expect(holds: bool, what: str, place: SnapshotPlace) -> None:
    if not holds:
        raise SystemExit(f"{what}: {place.record}, {place.images()}, {place.watcher.notes}")


def _taken(mode: Mode) -> Callable[[SnapshotPlace], None]:
    """The machine goes on, another snapshot can be taken, and both hold what they have to."""

    def check(place: SnapshotPlace) -> None:
        place.write(1, 5)
        create_snapshot(place.machine, Wish("next", mode))
        everything = {0: 1, 1: 5}
        _expect(place.holds(everything), "what was written is lost", place)
        if place.machine.state().has_process:
            place.power_off()
            _expect(place.holds(everything), "what was written is lost with the power", place)
        place.write(0, 9)
        for name in place.names():
            revert_to_snapshot(place.machine, name)
            content = {0: 1, 1: 5 if name == "next" else 0}
            _expect(place.holds(content), f"{name} holds something else", place)
        revert_to_snapshot(place.machine, "next")
        _expect(place.holds(everything), "the next snapshot holds something else", place)

    return check


def _reverted(place: SnapshotPlace) -> None:
    """It is as before or as in the snapshot, goes on from there, and can go to the snapshot."""
    old = place.holds({0: 2})
    _expect(old or place.holds({0: 1}), "the disk is neither the one nor the other", place)
    if not place.machine.state().has_process:
        start_machine(place.machine)
        if old and not place.holds({0: 2}):
            # What was begun has been finished; never the other way round.
            old = False
            _expect(place.holds({0: 1}), "settling made something else of the disk", place)
    place.write(1, 5)
    made = create_snapshot(place.machine, Wish("next", place.record.snapshots[0].mode))
    _expect(place.holds({0: 2 if old else 1, 1: 5}), "what was written is lost", place)
    if made.mode is Mode.EXTERNAL:
        _expect(made.parent == ("more" if old else "clean"), f"from {made.parent}", place)
    else:
        delete_snapshot(place.machine, "next")
    revert_to_snapshot(place.machine, "clean")
    _expect(place.holds({0: 1, 1: 0}), "the snapshot holds something else", place)


def _prepare_revert(mode: Mode, *, memory: bool = False) -> Callable[[SnapshotPlace], None]:
    def prepare(place: SnapshotPlace) -> None:
        if memory:
            place.start()
        create_snapshot(place.machine, Wish("clean", mode))
        if not memory:
            place.start()
        place.write(0, 2)
        create_snapshot(place.machine, Wish("more", mode))

    return prepare


def _prepare_merge(place: SnapshotPlace) -> None:
    for number in (1, 2):
        create_snapshot(place.machine, Wish(f"s{number}"))
        place.write(number, number + 1)


def _merged(place: SnapshotPlace) -> None:
    """The machine can run at once, and what it writes then outlives the end of the merge."""
    everything = {0: 1, 1: 2, 2: 3}
    _expect(place.holds(everything), "what was written is lost", place)
    start_machine(place.machine)
    # Over what has to be merged, and elsewhere.
    everything |= {2: 7, 3: 7}
    place.write(2, 7)
    place.write(3, 7)
    _expect(place.holds(everything), "what was written is lost", place)
    place.power_off()
    create_snapshot(place.machine, Wish("next"))
    _expect(place.holds(everything), "what was written since the cut is lost", place)
    place.write(0, 9)
    for name, content in (("s1", {0: 1, 1: 0, 2: 0}), ("s2", {0: 1, 1: 2, 2: 0, 3: 0})):
        if name in place.names():
            revert_to_snapshot(place.machine, name)
            _expect(place.holds(content), f"{name} holds something else", place)
    revert_to_snapshot(place.machine, "next")
    _expect(place.holds(everything), "the next snapshot holds something else", place)


def _dropped(place: SnapshotPlace) -> None:
    place.write(1, 5)
    if "s1" in place.names():
        delete_snapshot(place.machine, "s1")
    _expect(place.holds({0: 2, 1: 5}), "what was written is lost", place)
    found = place.machine.backend.find_snapshots(place.machine.record.domain)
    _expect(place.names() == [] and not found, "the snapshot is still there", place)


def _take_and_write(place: SnapshotPlace) -> None:
    place.start()
    create_snapshot(place.machine, Wish("s1", Mode.INTERNAL))
    place.write(0, 2)


SCENARIOS = {
    "create external, running": Scenario(
        SnapshotPlace.start,
        lambda place: _call(create_snapshot, place, Wish("cut")),
        _taken(Mode.EXTERNAL),
    ),
    "create external, off": Scenario(
        lambda place: None,
        lambda place: _call(create_snapshot, place, Wish("cut")),
        _taken(Mode.EXTERNAL),
    ),
    "create internal, running": Scenario(
        SnapshotPlace.start,
        lambda place: _call(create_snapshot, place, Wish("cut", Mode.INTERNAL)),
        _taken(Mode.INTERNAL),
    ),
    "revert external": Scenario(
        _prepare_revert(Mode.EXTERNAL),
        lambda place: _call(revert_to_snapshot, place, "clean"),
        _reverted,
    ),
    "revert internal": Scenario(
        _prepare_revert(Mode.INTERNAL),
        lambda place: _call(revert_to_snapshot, place, "clean"),
        _reverted,
    ),
    "revert to a memory": Scenario(
        _prepare_revert(Mode.INTERNAL, memory=True),
        lambda place: _call(revert_to_snapshot, place, "clean"),
        _reverted,
    ),
    "delete external": Scenario(
        _prepare_merge,
        lambda place: _call(delete_snapshot, place, "s1"),
        _merged,
    ),
    "delete the last external": Scenario(
        _prepare_merge,
        lambda place: _call(delete_snapshot, place, "s2"),
        _merged,
    ),
    "delete internal": Scenario(
        _take_and_write,
        lambda place: _call(delete_snapshot, place, "s1"),
        _dropped,
    ),
}


def _call(verb: Callable[..., object], place: SnapshotPlace, *arguments: object) -> None:
    verb(place.machine, *arguments)


class _Cutter:
    """An audit hook that kills this process before the n-th step."""

    def __init__(self, directory: Path, moment: int) -> None:
        self.directory = str(directory)
        self.moment = moment
        self.count = 0

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._is_step(event, arguments):
            self.count += 1
            if self.count == self.moment:
                os.kill(os.getpid(), signal.SIGKILL)

    def _is_step(self, event: str, arguments: tuple[Any, ...]) -> bool:
        if event == "subprocess.Popen":
            return True
        if event == "socket.connect":
            return self._is_ours(arguments[1])
        if event == "open":
            path, _, flags = arguments
            writes = bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
            return writes and self._is_ours(path)
        return event in CHANGES and any(map(self._is_ours, arguments[:2]))

    def _is_ours(self, path: object) -> bool:
        return isinstance(path, str | os.PathLike) and os.fspath(path).startswith(self.directory)


def _run_cut(scenario: Scenario, place: SnapshotPlace, directory: Path, moment: int) -> int:
    """The status of a child that carries out the verb; negative for a signal."""
    child = os.fork()
    if child == 0:
        sys.addaudithook(_Cutter(directory, moment))
        try:
            scenario.cut(place)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(name: str, directory: Path, stride: int, backend: str) -> None:
    scenario = SCENARIOS[name]
    # Each scenario begins elsewhere: the first steps are the same in all of them.
    first = 1 + list(SCENARIOS).index(name) % stride
    for variable in ("DATA", "CACHE", "STATE", "CONFIG"):
        # Short: libvirt has sockets far below the last one.
        os.environ[f"XDG_{variable}_HOME"] = str(directory / variable[:3])
    os.environ["XDG_RUNTIME_DIR"] = str(directory / "run")
    for cuts, moment in enumerate(range(first, MOST_CUTS, stride)):
        with snapshot_place(BackendName(backend)) as place:
            place.write(0, 1)
            scenario.prepare(place)
            status = _run_cut(scenario, place, directory, moment)
            if status not in (0, -signal.SIGKILL):
                raise SystemExit(f"moment {moment}: the verb itself failed ({status})")
            try:
                scenario.afterwards(place)
            except BaseException:
                print(f"after the cut at moment {moment}: {place.record}", file=sys.stderr)
                raise
        shutil.rmtree(directory / "DAT")
        if status == 0:
            print(cuts)
            return
    raise SystemExit(f"the verb had not ended after {MOST_CUTS} cuts")


if __name__ == "__main__":
    scenario_name, below, *options = sys.argv[1:]
    step, hypervisor = [*options, *("1", "qemu")[len(options) :]]
    main(scenario_name, Path(below), int(step), hypervisor)
