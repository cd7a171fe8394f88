"""The lab's machine, kept between runs: the first one boots it, later ones load its memory.

It is a machine of charly's own on the qemu backend, in directories that nothing else uses. What it
is made of is written beside it; where that has changed, or it does not come back, it is made anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import count
from pathlib import Path

import pytest
from lab_project import TEMPLATE, describe_emulator, name_bed, write_project

from charly_vm.errors import CharlyError
from charly_vm.host.locks import try_hold
from charly_vm.machine.create import create_machine
from charly_vm.machine.machine import Machine, find_machine
from charly_vm.machine.ownership import own_machine, this_process
from charly_vm.machine.records import Purpose
from charly_vm.model.project import Target, load_project
from charly_vm.model.protocols import DomainState

INSTALLED = "installed"
"""The snapshot that is kept: booted, and with all that does not change from run to run."""
BOOT_SECONDS = 300.0
"""Five times what it takes where nothing else runs: workers may share two cores with guests."""
BOOTS = 3
"""An emulated host has been seen to boot with mounts that fail and a udev that does nothing."""


@contextmanager
def running_machine(
    home: Path,
    made_of: bytes,
    install: Callable[[Machine], None],
    prepare: Callable[[Machine], None],
) -> Iterator[Machine]:
    """The machine, running for the length of the block, as `install` and then `prepare` have left
    it.

    It is kept as it was between the two, in one of the directories of `home`, one for each run that
    goes on at the same time. `made_of` is what `install` depends on. Where one of them fails, the
    host is booted anew.
    """
    with ExitStack() as held:
        place = held.enter_context(_own_place(home))
        with _directories_in(place):
            project = load_project(write_project(place))
            target = project.target(name_bed(), place.name)
            held.enter_context(own_machine(target.domain))
            note = place / "made-of"
            machine = _bring_up(target, project.file, note, made_of, install, prepare)
        try:
            yield machine
        finally:
            with _directories_in(place):
                machine.stop(force=True)


def _bring_up(
    target: Target,
    project: Path,
    note: Path,
    made_of: bytes,
    install: Callable[[Machine], None],
    prepare: Callable[[Machine], None],
) -> Machine:
    digest = hashlib.sha256(made_of)
    for part in (TEMPLATE.read_text(), describe_emulator()):
        digest.update(part.encode())
    wanted = digest.hexdigest()
    kept = find_machine(target.domain)
    if kept is not None:
        if note.exists() and note.read_text() == wanted:
            try:
                _load(kept)
                prepare(kept)
            except CharlyError:
                # Its base is gone, its port is somebody else's, or its memory is of another QEMU.
                pass
            else:
                return kept
        kept.destroy(disk=True)
    note.unlink(missing_ok=True)
    failures: list[CharlyError] = []
    while len(failures) < BOOTS:
        machine = create_machine(target, project, this_process(Purpose.COMMAND))
        try:
            machine.wait_until_ready(BOOT_SECONDS)
            install(machine)
            machine.backend.save_snapshot(machine.record.domain, INSTALLED)
            prepare(machine)
            note.write_text(wanted)
        except CharlyError as error:
            error.add_note(f"the end of its console:\n{machine.console_tail(60)}")
            machine.destroy(disk=True)
            failures.append(error)
        except BaseException:
            machine.destroy(disk=True)
            raise
        else:
            return machine
    raise failures[0]


def _load(kept: Machine) -> None:
    if kept.state() is not DomainState.SHUT_OFF:
        # Its run was killed a moment ago.
        kept.stop(force=True)
    try:
        load(kept, INSTALLED)
        require_answer(kept)
    except BaseException:
        kept.stop(force=True)
        raise


def require_answer(machine: Machine) -> None:
    """Raise `GuestError` where the guest agent is silent."""
    machine.backend.ask_agent(machine.record.domain, "guest-ping", {})


def load(machine: Machine, snapshot: str) -> None:
    """Go back to a snapshot with the memory, whatever the guest does, and also where it is off."""
    machine.backend.load_snapshot(machine.record.domain, snapshot, memory=True)


@contextmanager
def _own_place(home: Path) -> Iterator[Path]:
    """A directory that no other run uses meanwhile; its name is a number."""
    for number in count(1):
        taken: AbstractContextManager[object] | None = try_hold(home / f"{number}.lock")
        if taken is not None:
            with taken:
                place = home / str(number)
                place.mkdir(exist_ok=True)
                yield place
            return


@contextmanager
def _directories_in(place: Path) -> Iterator[None]:
    """charly's directories, but for its cache of images, are in the place. Only while the machine
    is started or stopped: other tests run between the lab's."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("DATA", "STATE", "CONFIG"):
            patch.setenv(f"XDG_{name}_HOME", str(place / name.lower()))
        yield
