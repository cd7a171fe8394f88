"""What a step may need to know beyond its guest: who runs it, and how this host reaches guests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from charly_vm.errors import GuestError
from charly_vm.host.waiting import Deadline
from charly_vm.model.protocols import ProbeAnswer, Prober

LOOPBACK = "127.0.0.1"
"""Where forwarded ports are."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where this host reaches a guest, or one port of it."""

    address: str
    port: int = 0
    """0 where no port was asked for."""


def locate_nothing(member: str, port: int) -> Endpoint:
    """For a guest that nothing is known of."""
    raise GuestError(f"nobody knows where {member or 'the guest'} is")


def ask_nobody(
    probe: str, method: str, written: Mapping[str, Any], *, directory: Path, deadline: Deadline
) -> ProbeAnswer:
    """For a guest whose machine nobody knows."""
    raise GuestError(f"nobody knows the machine that {probe} {method} is about")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Of one machine."""

    deploy: str = ""
    instance: str = ""
    hostdevs: int = 0
    """How many devices of the host it has."""
    charly: str = "charly"
    """The command of that name."""
    locate: Callable[[str, int], Endpoint] = locate_nothing
    """From a member of the project (empty: this machine) and a TCP port of it (0: none) to where
    they are. Raises `GuestError` with what to do where they cannot be reached."""
    ask: Prober = ask_nobody
    """Asks the machine by one of its probes."""
    captures: frozenset[str] = frozenset()
    """The variables that steps of the machine are to keep: none of them is the shell's."""
    artifacts: Path | None = None
    """Where artifacts are kept; None: only looked at."""


NOWHERE = Surroundings()
