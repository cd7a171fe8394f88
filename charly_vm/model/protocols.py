"""What one room needs of another, as small protocols; `charly_vm.machine` wires them together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from charly_vm.host.waiting import Deadline
from charly_vm.model.live import DomainEvent, Inspection
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
    STILL_ON = "the guest did not shut down in time"


@dataclass(frozen=True, slots=True)
class Domain:
    """What identifies a machine towards its backend; comes from its record, also after a crash."""

    name: str
    uuid: str
    paths: Paths
    hypervisor: str = ""
    """The URI of another libvirt than the user's own session."""


def domain_of(machine: ResolvedMachine) -> Domain:
    there = machine.hypervisor
    return Domain(machine.domain, machine.uuid, machine.paths, there.uri if there else "")


@dataclass(frozen=True, slots=True)
class AddressSearch:
    """The addresses of a card, the likeliest first, and what each place where they were looked
    for had to say."""

    found: tuple[str, ...]
    seen: str


@dataclass(frozen=True, slots=True)
class ListedDomain:
    """A domain that a backend knows, whoever made it."""

    name: str
    uuid: str
    state: DomainState


class RunningDomain(Protocol):
    """What can be asked of a domain while it runs, and done to it.

    Every method raises `StateError` where it does not run, and `HostError` with the hypervisor's
    words where that refuses.
    """

    def inspect(self) -> Inspection:
        """What it has at this moment."""
        ...

    def send_keys(self, codes: Sequence[int], hold: int) -> None:
        """Press keys together and let them go after `hold` milliseconds. The codes are Linux's
        (linux/input-event-codes.h). Raises `StateError` for one that the keyboard does not have."""
        ...

    def set_password(self, password: str, kind: str) -> str:
        """Change what a viewer is asked for, until the domain ends. `kind` is vnc or spice, and
        empty for the only server there is; returns which it was.

        Raises `StateError` where there is no such server, or more than one and no `kind`. The
        password is in no error and no log.
        """
        ...

    def monitor(self, command: str, arguments: Mapping[str, object]) -> Any:
        """What QEMU returns for a command of its machine protocol (interop/qemu-qmp-ref)."""
        ...

    def watch(self, tell: Callable[[DomainEvent], None]) -> AbstractContextManager[None]:
        """Have `tell` called with what happens, from another thread, for the length of the block.

        The domain is watched by the time the block begins. `tell` must not ask the hypervisor
        anything. The last event is `disconnected` where the connection breaks meanwhile.
        """
        ...


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

    def stop(self, domain: Domain, deadline: Deadline, *, force: bool = True) -> StopOutcome:
        """Ask the guest to shut down (ACPI power button), then power it off at the deadline.

        Without `force` it is `STILL_ON` then, and may yet shut down.
        """
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

    def screenshot(self, domain: Domain, screen: int = 0) -> bytes:
        """The guest's screen as PNG; they are counted from 0. `StateError` when it does not run."""
        ...

    def description(self, domain: Domain, *, live: bool = False) -> str:
        """The domain XML, or the argv as one shell-quoted command; of the defined domain, or with
        `live` of the one that runs, where the backend tells them apart, without its passwords."""
        ...

    def neighbours(self, domain: Domain) -> Sequence[ListedDomain]:
        """All domains of the domain's own hypervisor, or the machines beside it on the qemu
        backend; the domain itself among them."""
        ...

    def running(self, domain: Domain) -> RunningDomain:
        """The domain as something that runs. Nothing is asked yet."""
        ...

    def log(self, domain: Domain) -> str:
        """The end of what the emulator said, empty where nothing is known."""
        ...

    def addresses(self, domain: Domain, mac: str) -> AddressSearch:
        """The IP addresses of the guest's card with this MAC, as far as anybody knows them now."""
        ...

    def set_autostart(self, domain: Domain, wanted: bool) -> None:
        """Whether the hypervisor boots the domain when it starts itself."""
        ...

    def use_layer(self, machine: ResolvedMachine) -> None:
        """Have the definition name the image that the machine is to write to, whichever of its
        images it has named so far."""
        ...

    def adopt_layer(self, domain: Domain, layer: Path, below: Path) -> None:
        """Have a running domain write to `layer` instead of `below`, on which it stands; nothing
        happens where it does already."""
        ...

    def save_snapshot(self, domain: Domain, name: str) -> None:
        """Keep the disk, and of a domain that runs the memory too, inside the disk's image."""
        ...

    def load_snapshot(self, domain: Domain, name: str, *, memory: bool) -> None:
        """Bring disk and memory back, and the domain runs; without memory it is off afterwards.

        Raises `HostError` for a memory that cannot be loaded; the domain is off then.
        """
        ...

    def drop_snapshot(self, domain: Domain, name: str) -> None:
        """Remove a snapshot from the disk's image; one that is not there is none to remove."""
        ...

    def find_snapshots(self, domain: Domain) -> Mapping[str, bool]:
        """The snapshots inside the disk's image by name, and whether each has the memory. One that
        is being written is waited for."""
        ...

    def ask_agent(
        self,
        domain: Domain,
        command: str,
        arguments: Mapping[str, object],
        *,
        seconds: float | None = None,
    ) -> Any:
        """What the guest agent returns for one of its commands (interop/qemu-ga-ref); `seconds`
        is how long that may take, where the backend's own patience will not do. Raises
        `GuestError` where it is silent or refuses.
        """
        ...

    def freeze(self, domain: Domain) -> None:
        """Have the guest agent bring the guest's file systems to rest. Nothing in the guest can
        write until `thaw`. Raises `GuestError` where there is no agent that does it."""
        ...

    def thaw(self, domain: Domain) -> None:
        """Undo `freeze`; also where nothing is frozen."""
        ...


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """What a probe has found."""

    output: str
    """A text, or JSON where it is more than one value."""
    pictures: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """PNGs by what each is: `screen`, `expected`, `difference`. The first is the answer itself."""
    status: int = 0
    """0 where what was asked for holds; of a command its exit status, else 1 where it does not."""
    complaint: str = ""
    """Why it does not, or what a command has said on its standard error."""


class Prober(Protocol):
    """Something that asks a machine by one of its probes."""

    def __call__(
        self,
        probe: str,
        method: str,
        written: Mapping[str, Any],
        *,
        directory: Path,
        deadline: Deadline,
    ) -> ProbeAnswer:
        """Ask, with arguments as they are written; files among them are below `directory`.

        Raises ValueError for a method or an argument that there is not, `GuestTimeout` and
        `GuestError` where there is no answer, and `HostError` where the host cannot ask.
        """
        ...


@dataclass(frozen=True, slots=True)
class KeptSnapshot:
    """A snapshot of a machine, as people see it."""

    name: str
    mode: str
    """external or internal."""
    description: str
    created: str
    """UTC, ISO 8601."""
    parent: str
    """The snapshot on which it is based; empty without one."""
    current: bool
    """Whether the machine's state is based on it."""
    memory: bool
    quiesced: bool


class SnapshotShelf(Protocol):
    """The snapshots of one machine. Raises `StateError` for a name that is unknown or taken."""

    def list(self) -> tuple[KeptSnapshot, ...]:
        """All of them, the oldest first."""
        ...

    def create(
        self, name: str, *, mode: str, description: str | None, quiesce: bool | None
    ) -> KeptSnapshot:
        """Take one. What is None or empty is as the machine's entity says it for this name, and
        else external, undescribed and not quiesced."""
        ...

    def revert(self, name: str) -> KeptSnapshot:
        """Bring the machine back to one; what it has become since then is lost."""
        ...

    def delete(self, name: str) -> None:
        """Remove one; the machine itself stays as it is."""
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

    def run(self, command: str, *, timeout: float, stdin: bytes | None = None) -> ShellResult:
        """Run a shell command. Raises `GuestTimeout` and `GuestError` where it gets no answer."""
        ...
