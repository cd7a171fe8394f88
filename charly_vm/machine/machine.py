"""A machine that exists: waiting for, talking to, stopping and removing it.

Whoever changes a machine holds it (`ownership.own_machine`) while doing so.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from charly_vm.arbiter.records import Life
from charly_vm.backend import backend_of
from charly_vm.errors import GuestError, GuestTimeout, HostError, StateError
from charly_vm.guest.hop import Hop
from charly_vm.guest.ssh import SshGuest
from charly_vm.host.files import explain_os_errors, read_tail
from charly_vm.host.process import tail_text
from charly_vm.host.progress import SILENT, Progress
from charly_vm.host.waiting import Deadline
from charly_vm.machine.claims import drop_claims
from charly_vm.machine.ownership import own_machine
from charly_vm.machine.records import MachineRecord, Stage, find_record, write_record
from charly_vm.machine.traces import Traces
from charly_vm.model.protocols import AddressSearch, Backend, DomainState, StopOutcome
from charly_vm.model.resolved import Paths

if TYPE_CHECKING:
    from charly_vm.guest.readiness import Readiness
    from charly_vm.guest.transcript import Transcript

STOP_SECONDS = 60.0
"""How long a guest may take to shut down when asked; systemd itself gives a unit 90."""


NO_ADDRESS = (
    "a guest that runs qemu-guest-agent says it itself (`cloud_init: {package: "
    "[qemu-guest-agent]}`); without it the host has to have an address on the guest's network"
)


class Machine:
    """One machine, by its record. The connection to its guest is made when it is first used."""

    def __init__(self, record: MachineRecord, *, progress: Progress = SILENT) -> None:
        self.record = record
        self.progress = progress
        self.transcript: Transcript | None = None
        """Where somebody wants to know what runs in the guest; to be set before it is used."""

    @property
    def name(self) -> str:
        """The domain's."""
        return self.record.machine.domain

    @cached_property
    def backend(self) -> Backend:
        return backend_of(self.record.machine.backend)

    @property
    def traces(self) -> Traces:
        """What it leaves in its user's own configuration."""
        return Traces(self.record, self.progress)

    @cached_property
    def guest(self) -> SshGuest:
        """The guest over SSH; nothing is connected yet. Raises `StateError` where nobody has put
        a key into it."""
        machine = self.record.machine
        if not machine.key:
            raise StateError(
                f"nothing can log in to {self.name}: it was made without an SSH key",
                hint="`key_source: generate` under `ssh:` gives it one when it is created again; "
                f"`charly vm console {self.record.label}` works without",
            )
        return SshGuest(
            name=machine.domain,
            port=machine.ssh_port,
            user=machine.user,
            key=Path(machine.key),
            known_hosts=machine.paths.known_hosts,
            locate=None if machine.network.carrier.is_user_network else self.addresses,
            hop=self._hop(),
            transcript=self.transcript,
        )

    def addresses(self) -> AddressSearch:
        """The addresses of the guest on a network where it has its own, as far as they are known
        now."""
        return self.backend.addresses(self.record.domain, self.record.machine.network.mac)

    def find_address(self) -> str:
        """The guest's own address; empty on a user network, where it has none.

        Raises `GuestError` where it is not known, with what those said that were asked.
        """
        if self.record.machine.network.carrier.is_user_network:
            return ""
        search = self.addresses()
        if not search.found:
            raise GuestError(f"nobody knows where {self.name} is: {search.seen}", hint=NO_ADDRESS)
        return search.found[0]

    @contextmanager
    def console(self, *, take_over: bool = True) -> Iterator[Path]:
        """The socket that is the serial console, for the length of the block.

        On another hypervisor it is there for one at a time; `take_over` from whoever has it.
        """
        if not self.record.machine.hypervisor:
            yield self.record.machine.paths.console_socket
            return
        from charly_vm.backend.libvirt_console import relay_console

        with relay_console(self.record.domain, take_over=take_over) as socket:
            yield socket

    def state(self) -> DomainState:
        """Whether it runs, as an enumeration."""
        return self.backend.state(self.record.domain)

    def wait_until_ready(self, seconds: float) -> None:
        """Return once SSH answers, or the guest agent of a machine without a key, and cloud-init
        has finished.

        Raises `GuestTimeout` with what was awaited, what was last seen and the end of the console,
        and at once where the machine stops running or cloud-init reports a failure.
        """
        try:
            with self._console_kept():
                readiness = self._wait(Deadline(seconds))
        except (GuestTimeout, GuestError) as error:
            if self.record.machine.key and not self.guest.host:
                error.hint = error.hint or NO_ADDRESS
            error.add_excerpt("the end of the console", self.console_tail())
            error.add_excerpt("the end of the emulator's log", self.backend_log())
            raise
        for warning in readiness.warnings:
            self.progress.note(f"{self.name}: {warning}")
        if self.record.machine.key and not self.record.machine.network.carrier.is_user_network:
            self.traces.leave_address(self.guest.host)

    def _wait(self, deadline: Deadline) -> Readiness:
        alive, progress = self._why_not_alive, self.progress
        if self.record.machine.key:
            from charly_vm.guest.readiness import wait_until_ready

            return wait_until_ready(self.guest, deadline, alive=alive, progress=progress)
        from charly_vm.guest.agent import AgentShell, wait_for_agent

        ask = functools.partial(self.backend.ask_agent, self.record.domain)
        shell = AgentShell(self.name, ask)
        return wait_for_agent(shell, deadline, alive=alive, progress=progress)

    def ask_to_stop(self, seconds: float) -> StopOutcome:
        """Have the guest shut down, and leave it on where it does not."""
        self.require_created()
        self.close()
        return self.backend.stop(self.record.domain, Deadline(seconds), force=False)

    def stop(self, *, force: bool = False, seconds: float = STOP_SECONDS) -> StopOutcome:
        """Have the guest shut down, or power it off: at once with `force`, else after `seconds`."""
        self.require_created()
        self.close()
        with self.progress.phase(f"stopping {self.name}"):
            if force:
                outcome = self.backend.power_off(self.record.domain)
            else:
                outcome = self.backend.stop(self.record.domain, Deadline(seconds))
        drop_claims(self.name, Life.HOLDER)
        return outcome

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
            self.traces.remove()
            drop_claims(self.name, Life.HOLDER, Life.MACHINE)
            shutil.rmtree(self.record.machine.paths.runtime, ignore_errors=True)
            if not disk:
                self._mark(Stage.DISK_KEPT, disk_kept=True)
                return
            if self.record.machine.hypervisor:
                from charly_vm.machine.volumes import drop_volumes

                drop_volumes(self.record.machine)
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

    @contextmanager
    def _console_kept(self) -> Iterator[None]:
        """What another hypervisor's guest says goes to our log, unless somebody else listens."""
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(HostError, StateError):
                stack.enter_context(self.console(take_over=False))
            yield

    def _hop(self) -> Hop | None:
        there = self.record.machine.hypervisor
        return Hop(there.hop, self.record.machine.paths.runtime) if there and there.hop else None

    def _mark(self, stage: Stage, *, disk_kept: bool) -> None:
        self.record = dataclasses.replace(self.record, stage=stage, disk_kept=disk_kept)
        write_record(self.record)

    def require_created(self) -> None:
        """Raise `StateError` where there is only a disk, or what an interrupted command left."""
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
        # With what stood there before a card was written into it.
        is_instance = entry.name.startswith(paths.instance.name)
        if entry == paths.record or (is_instance and not instance):
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)
    paths.record.unlink(missing_ok=True)
    if not paths.instance.exists():
        paths.directory.rmdir()
