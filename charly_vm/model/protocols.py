"""What one room needs of another, as small protocols; `charly_vm.machine` wires them together."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from charly_vm.host.waiting import Deadline
from charly_vm.model.resolved import BackendName, Paths, ResolvedMachine


class DomainState(str, Enum):
    """What a backend observes, never what we remember. The names are libvirt's."""

    RUNNING = "running"
    PAUSED = "paused"
    SHUT_OFF = "shut off"
    CRASHED = "crashed"
    """The emulator is up and its guest panicked or the emulator stopped with an internal error."""
    MISSING = "missing"
    """The backend knows no such domain."""

    @property
    def has_process(self) -> bool:
        return self in (DomainState.RUNNING, DomainState.PAUSED, DomainState.CRASHED)


class StopOutcome(str, Enum):
    """How a machine came to be off."""

    SHUT_DOWN = "the guest shut down"
    FORCED = "the guest did not answer in time and was powered off"
    ALREADY_OFF = "it was not running"


@dataclass(frozen=True, slots=True)
class Domain:
    """What identifies a machine towards its backend; comes from its record, also after a crash."""

    name: str
    uuid: str
    paths: Paths


class Backend(Protocol):
    """What runs machines. Every method may raise `HostError` or `LaunchError` and can be repeated.

    A backend keeps no state of its own between calls that another process could not read as well:
    two processes may talk about the same domain.
    """

    name: BackendName

    def define(self, machine: ResolvedMachine) -> None:
        """Make the domain known, off. Replaces an earlier definition of the same domain."""
        ...

    def start(self, domain: Domain) -> None:
        """Boot a defined domain; returns when its CPUs run. `StateError` when it runs already
        or is not defined, `LaunchError` with the emulator's words when it does not come up."""
        ...

    def stop(self, domain: Domain, deadline: Deadline) -> StopOutcome:
        """Ask the guest to shut down (ACPI power button), then power it off at the deadline."""
        ...

    def power_off(self, domain: Domain) -> StopOutcome:
        """Off at once: `FORCED` or `ALREADY_OFF`. Returns when no process is left."""
        ...

    def undefine(self, domain: Domain) -> None:
        """Power off and forget the domain. Nothing of the backend's is left; files of ours stay."""
        ...

    def state(self, domain: Domain) -> DomainState:
        """What is so at this moment."""
        ...

    def screenshot(self, domain: Domain) -> bytes:
        """The guest's screen as PNG. `StateError` when it does not run."""
        ...

    def description(self, domain: Domain) -> str:
        """The domain XML, or the argv as one shell-quoted command; of the defined domain."""
        ...

    def log(self, domain: Domain) -> str:
        """The end of what the emulator said, empty where nothing is known."""
        ...


class ShellResult(Protocol):
    """What a command in the guest left."""

    @property
    def status(self) -> int: ...
    @property
    def stdout(self) -> bytes: ...
    @property
    def stderr(self) -> bytes: ...


class Shell(Protocol):
    """Something that runs commands in a guest."""

    def run(self, command: str, *, timeout: float) -> ShellResult:
        """Run a shell command. Raises `GuestTimeout` and `GuestError` where it gets no answer."""
        ...
