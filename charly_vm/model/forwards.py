"""A forwarded port: of the host's loopback address, to the guest."""

from __future__ import annotations

import re
from dataclasses import dataclass

AUTO = 0
"""The host's port of a forward that is chosen when the machine is made."""

_FORWARD = re.compile(r"(auto|\d+):(\d+)(?:/(tcp|udp))?")


@dataclass(frozen=True, slots=True)
class PortForward:
    """A port of 127.0.0.1 that leads to a port of the guest."""

    host: int
    """`AUTO` until `resolve` is given one."""
    guest: int
    protocol: str = "tcp"

    def __str__(self) -> str:
        suffix = "" if self.protocol == "tcp" else f"/{self.protocol}"
        return f"{self.host or 'auto'}:{self.guest}{suffix}"


def parse_port_forward(written: object) -> PortForward:
    """From `8080:80`, `auto:6443`, `5353:53/udp`: the host's port first."""
    if isinstance(written, PortForward):
        return written
    match = _FORWARD.fullmatch(written) if isinstance(written, str) else None
    if match is None:
        raise ValueError(
            f"{written!r} is not a port forward; write host:guest as 8080:80, or auto:80"
        )
    host, guest = AUTO if match[1] == "auto" else int(match[1]), int(match[2])
    if not (0 < guest <= 65535 and host <= 65535) or match[1] == "0":
        raise ValueError(f"{written!r}: a port is a number from 1 to 65535")
    return PortForward(host, guest, match[3] or "tcp")
