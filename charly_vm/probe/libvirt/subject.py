"""What the probe is about: one machine, and what it needs of whoever wires it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from charly_vm.model.live import LiveGraphics
from charly_vm.model.protocols import Backend, Domain, SnapshotShelf


@dataclass(frozen=True, slots=True)
class Subject:
    """A machine. `vcpus` and `memory` (bytes) are those that it was made with."""

    domain: Domain
    backend: Backend
    vcpus: int
    memory: int
    console: Callable[[int], str]
    """The last so many lines of the serial console."""
    snapshots: SnapshotShelf


@dataclass(frozen=True, slots=True)
class Info:
    """A machine at this moment.

    Of one that is off, `vcpus` and `memory` (bytes) are those that it is going to have, and there
    are no graphics. `uptime` is that of its emulator in seconds; None where that is off, or on
    another host.
    """

    name: str
    uuid: str
    state: str
    """running, paused, shut off, crashed or missing."""
    backend: str
    """libvirt or qemu."""
    vcpus: int
    memory: int
    graphics: tuple[LiveGraphics, ...]
    uptime: float | None
    guest_agent: bool
    """Whether the agent in the guest answers."""
