"""The graphics of a running QEMU, from what its monitor says about them.

`VncInfo2` and `SpiceInfo` in QEMU's documentation (interop/qemu-qmp-ref).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from charly_vm.model.live import LiveGraphics


def read_vnc(servers: Sequence[Mapping[str, Any]]) -> list[LiveGraphics]:
    """From `query-vnc-servers`; a browser's port is not among them."""
    return [_vnc(one, server["auth"]) for server in servers for one in server["server"][:1]]


def _vnc(listening: Mapping[str, Any], auth: str) -> LiveGraphics:
    has_password = auth != "none"
    if listening["family"] == "unix":
        # QEMU has the path of a socket where it has a port's name otherwise.
        return LiveGraphics("vnc", socket=listening["service"], has_password=has_password)
    return LiveGraphics(
        "vnc",
        address=listening["host"],
        port=_number(listening["service"]),
        has_password=has_password,
    )


def read_spice(said: Mapping[str, Any]) -> list[LiveGraphics]:
    """From `query-spice`."""
    if not said["enabled"]:
        return []
    where = said.get("host", "")
    port, tls_port = _number(said.get("port", 0)), _number(said.get("tls-port", 0))
    # It has neither port where it listens at a socket, whose path is in the address's place.
    at_socket = not port and not tls_port and where.startswith("/")
    return [
        LiveGraphics(
            "spice",
            address="" if at_socket else where,
            port=port,
            tls_port=tls_port,
            socket=where if at_socket else "",
            has_password=said.get("auth", "none") != "none",
        )
    ]


def _number(written: str | int) -> int:
    return max(0, int(written)) if str(written).lstrip("-").isdigit() else 0
