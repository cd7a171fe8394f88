"""Where a guest's SSH server is, and the error that says it does not answer there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from charly_vm.errors import GuestAway


@dataclass(frozen=True, slots=True)
class SshAddress:
    """A guest behind a TCP port, and what proves either side to the other.

    `name` stands for the guest in messages and is the name its host key has in `known_hosts`.
    """

    name: str
    port: int
    user: str
    key: Path
    known_hosts: Path
    host: str = "127.0.0.1"
    """A numeric address; an IPv6 one may have the link behind it, as in fe80::1%br0."""
    found: bool = False
    """Whether the address was looked up and may be somebody else's by now."""
    local: Path | None = None
    """The socket of ours through which that host and port are reached, where another host is in
    between."""

    @property
    def place(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class GuestUnreachable(GuestAway):
    """The guest has no SSH connection to offer, or lost the one it had; `seen` is what was met.

    It may come yet: a guest that boots goes through most of the ways in which this is raised.
    `rejected` where its SSH server spoke and then did not let us in.
    """

    def __init__(self, address: SshAddress, seen: str, *, rejected: bool = False) -> None:
        self.seen = seen
        self.rejected = rejected
        super().__init__(f"no SSH to {address.user}@{address.name}: {seen}")
