"""A machine that exists: starting, waiting for, talking to, stopping and removing it.

Whoever changes a machine holds it (`ownership.own_machine`) while doing so.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

from charly_vm.backend import backend_of
from charly_vm.errors import GuestError, GuestTimeout, HostError, StateError
from charly_vm.guest.ssh import SshGuest
from charly_vm.host.files import explain_os_errors, read_tail
from charly_vm.host.process import tail_text
from charly_vm.host.progress import SILENT, Progress
from charly_vm.host.waiting import Deadline
from charly_vm.machine.ownership import own_machine
from charly_vm.machine.ports import require_free_ports
from charly_vm.machine.records import MachineRecord, Stage, find_record, write_record
from charly_vm.model.protocols import Backend, DomainState, StopOutcome
from charly_vm.model.resolved import Paths

STOP_SECONDS = 60.0
"""How long a guest may take to shut down when asked; systemd itself gives a unit 90."""


class Machine:
    """One machine, by its record. The connection to its guest is made when it is first used."""

    def __init__(self, record: MachineRecord, *, progress: Progress = SILENT) -> None:
        self.record = record
        self.progress = progress

    @property
    def name(self) -> str:
        return self.record.machine.domain

    @cached_property
    def backend(self) -> Backend:
        return backend_of(self.record.machine.backend)

    @cached_property
    def guest(self) -> SshGuest:
        """The guest over SSH; nothing is connected yet."""
        machine = self.record.machine
        return SshGuest(
            name=machine.domain,
            port=machine.ssh_port,
            user=machine.user,
            key=machine.paths.user_key,
            known_hosts=machine.paths.known_hosts,
        )

    def state(self) -> DomainState:
        return self.backend.state(self.record.domain)

    def start(self) -> None:
        """Boot a machine that is off."""
        self._require_created()
        if not self.state().has_process:
            require_free_ports(self.record.machine)
        with self.progress.phase(f"starting {self.name} ({self.record.machine.backend.value})"):
            self.backend.start(self.record.domain)

    def wait_until_ready(self, seconds: float) -> None:
        """Return once SSH answers and cloud-init has finished.

        Raises `GuestTimeout` with what was awaited, what was last seen and the end of the console,
        and at once where the machine stops running or cloud-init reports a failure.
        """
        from charly_vm.guest.readiness import wait_until_ready

        try:
            readiness = wait_until_ready(
                self.guest,
                Deadline(seconds),
                alive=self._why_not_alive,
                progress=self.progress,
            )
        except (GuestTimeout, GuestError) as error:
            error.add_excerpt("the end of the console", self.console_tail())
            error.add_excerpt("the end of the emulator's log", self.backend_log())
            raise
        for warning in readiness.warnings:
            self.progress.note(f"{self.name}: {warning}")

    def stop(self, *, force: bool = False, seconds: float = STOP_SECONDS) -> StopOutcome:
        """Have the guest shut down, or power it off: at once with `force`, else after `seconds`."""
        self._require_created()
        self.close()
        with self.progress.phase(f"stopping {self.name}"):
            if force:
                return self.backend.power_off(self.record.domain)
            return self.backend.stop(self.record.domain, Deadline(seconds))

    def destroy(self, *, disk: bool, instance: bool = False) -> None:
        """Remove the machine. Without `disk`, its disk and keys stay for the next create.

        `instance.yml`, which somebody wrote for this host, goes only with `instance`.
        """
        self.close()
        with self.progress.phase(f"removing {self.name}"):
            # Where everything goes, a full disk must not be what prevents it.
            with contextlib.suppress(HostError) if disk else contextlib.nullcontext():
                self._mark(Stage.DESTROYING, disk_kept=not disk)
            self.backend.undefine(self.record.domain)
            shutil.rmtree(self.record.machine.paths.runtime, ignore_errors=True)
            if not disk:
                self._mark(Stage.DISK_KEPT, disk_kept=True)
                return
            with explain_os_errors(f"remove {self.record.machine.paths.directory}"):
                remove_directory(self.record.machine.paths, instance=instance)

    def screenshot(self) -> bytes:
        """The screen as PNG."""
        return self.backend.screenshot(self.record.domain)

    def description(self) -> str:
        """The domain XML or the emulator's command."""
        return self.backend.description(self.record.domain)

    def console_tail(self, lines: int = 20) -> str:
        """The last lines of the serial console."""
        return tail_text(read_tail(self.record.machine.paths.console_log), lines)

    def backend_log(self, lines: int = 20) -> str:
        """The last lines of what the emulator said."""
        return tail_text(self.backend.log(self.record.domain), lines)

    def close(self) -> None:
        """Drop the connection to the guest, where there is one."""
        if "guest" in self.__dict__:
            self.guest.close()
            del self.__dict__["guest"]

    def _mark(self, stage: Stage, *, disk_kept: bool) -> None:
        self.record = dataclasses.replace(self.record, stage=stage, disk_kept=disk_kept)
        write_record(self.record)

    def _require_created(self) -> None:
        if self.record.stage is not Stage.CREATED:
            raise StateError(
                f"{self.name} is not there ({self.record.stage.value})",
                hint=f"charly vm create {self.record.label}",
            )

    def _why_not_alive(self) -> str | None:
        state = self.state()
        return None if state is DomainState.RUNNING else f"{self.name} is {state.value}"


def find_machine(domain: str, *, progress: Progress = SILENT) -> Machine | None:
    """The machine with this domain name, or None where there is no record of one."""
    record = find_record(domain)
    return Machine(record, progress=progress) if record else None


def require_machine(domain: str, *, progress: Progress = SILENT) -> Machine:
    """As `find_machine`; raises `StateError` that says how to make one."""
    machine = find_machine(domain, progress=progress)
    if machine is None:
        raise StateError(
            f"there is no machine {domain}",
            hint=f"make it with `charly vm create {domain.removeprefix('charly-')}`; "
            "`charly vm list -a` shows those that exist",
        )
    return machine


@contextmanager
def held_machine(domain: str, *, progress: Progress = SILENT) -> Iterator[Machine]:
    """The machine, held for the length of the block; raises as `require_machine` does, and
    `LeaseUnavailable` where somebody else works on it."""
    with own_machine(domain, progress=progress):
        yield require_machine(domain, progress=progress)


def remove_directory(paths: Paths, *, instance: bool) -> None:
    """Remove a machine's directory, its record last; `instance.yml` stays unless told otherwise.

    What is left of an interrupted removal is then still a machine on record.
    """
    if not paths.directory.exists():
        return
    for entry in paths.directory.iterdir():
        if entry == paths.record or (entry == paths.instance and not instance):
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)
    paths.record.unlink(missing_ok=True)
    if not paths.instance.exists():
        paths.directory.rmdir()
