"""The lab's machine: cloned with its memory from a template that the first of them has installed.

It is a machine of charly's own on the qemu backend, in directories that nothing else uses. Several
may run at the same time, one for each worker of a run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from lab_project import TEMPLATE, describe_emulator, name_bed, write_code, write_project

from charly_vm.errors import CharlyError
from charly_vm.host.locks import hold, try_hold
from charly_vm.host.process import run
from charly_vm.host.progress import SILENT
from charly_vm.machine.create import create_machine
from charly_vm.machine.disks import build_disk
from charly_vm.machine.machine import Machine, find_machine
from charly_vm.machine.ownership import own_machine, this_process
from charly_vm.machine.records import Purpose
from charly_vm.model.project import Target, load_project

INSTALLED = "installed"
"""The snapshot in the template: booted, and with all that does not change from run to run."""
BOOT_SECONDS = 300.0
"""Five times what it takes where nothing else runs: workers may share two cores with guests."""
ATTEMPTS = 3
"""An emulated host has been seen to boot with mounts that fail and a udev that does nothing."""


@contextmanager
def running_machine(
    home: Path,
    made_of: bytes,
    foresee: Callable[[], None],
    install: Callable[[Machine], None],
    prepare: Callable[[Machine], None],
) -> Iterator[Machine]:
    """A machine, running for the length of the block, as `install` and then `prepare` have left it.

    What is kept in `home` for others is a template: the machine as it was between the two.
    `made_of` is what `install` depends on, and `foresee` is carried out before it, while the disk
    is made. Where one of the others fails, the host is booted anew.
    """
    digest = hashlib.sha256(made_of)
    for part in (TEMPLATE.read_text(), describe_emulator()):
        digest.update(part.encode())
    template = Template(home, digest.hexdigest())
    with ExitStack() as held:
        place = held.enter_context(_own_place(home))
        with _directories_in(place):
            project = load_project(write_project(place))
            target = project.target(name_bed(), place.name)
            held.enter_context(own_machine(target.domain))
            # The packages are most of the disk's work, and one processor's.
            with ThreadPoolExecutor(1) as beside:
                others = beside.submit(_make_the_rest, place, template, foresee)
                build_disk(target, project.file, SILENT)
                others.result()
            machine = _bring_up(target, project.file, template, install, prepare)
        try:
            yield machine
        finally:
            with _directories_in(place):
                machine.destroy(disk=True)


@dataclass(frozen=True)
class Template:
    """The disk of a machine that is installed, with its memory, and what that was made of."""

    home: Path
    made_of: str

    @property
    def disk(self) -> Path:
        return self.home / "template.qcow2"

    @property
    def note(self) -> Path:
        return self.home / "template.made-of"

    @property
    def is_there(self) -> bool:
        return self.note.exists() and self.note.read_text() == self.made_of

    def freeze(self, machine: Machine) -> None:
        """Make it of a machine, which is off afterwards."""
        machine.stop(force=True)
        self.discard()
        _copy(machine.record.machine.paths.overlay, self.disk)
        self.note.write_text(self.made_of)

    def thaw(self, machine: Machine) -> None:
        """Give a machine its disk; the machine is off afterwards."""
        machine.stop(force=True)
        _copy(self.disk, machine.record.machine.paths.overlay)

    def discard(self) -> None:
        self.note.unlink(missing_ok=True)


def _make_the_rest(place: Path, template: Template, foresee: Callable[[], None]) -> None:
    write_code(place)
    if not template.is_there:
        foresee()


def _copy(source: Path, target: Path) -> None:
    run(["cp", "--reflink=auto", source, target], timeout=300)


def _bring_up(
    target: Target,
    project: Path,
    template: Template,
    install: Callable[[Machine], None],
    prepare: Callable[[Machine], None],
) -> Machine:
    # Its run was killed.
    if left := find_machine(target.domain):
        left.destroy(disk=True)
    failures: list[CharlyError] = []
    while len(failures) < ATTEMPTS:
        # Who comes second waits for the template, and does not boot a host beside it.
        with hold(template.home / "template.lock"):
            machine = create_machine(target, project, this_process(Purpose.COMMAND))
            try:
                if template.is_there:
                    template.thaw(machine)
                else:
                    machine.wait_until_ready(BOOT_SECONDS)
                    install(machine)
                    machine.backend.save_snapshot(machine.record.domain, INSTALLED)
                    template.freeze(machine)
                load(machine, INSTALLED)
                require_answer(machine)
            except CharlyError as error:
                failures.append(_give_up(machine, error))
                # What it stands on is gone, or a host was frozen that works in part.
                template.discard()
                continue
            except BaseException:
                machine.destroy(disk=True)
                raise
        try:
            prepare(machine)
        except CharlyError as error:
            failures.append(_give_up(machine, error))
            with hold(template.home / "template.lock"):
                template.discard()
        except BaseException:
            machine.destroy(disk=True)
            raise
        else:
            return machine
    raise failures[0]


def _give_up(machine: Machine, error: CharlyError) -> CharlyError:
    error.add_note(f"the end of its console:\n{machine.console_tail(60)}")
    machine.destroy(disk=True)
    return error


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
