"""Ports on 127.0.0.1: a free one to take, or why a certain one cannot be had.

A port that is free now may be taken a moment later. Between processes of charly the caller closes
that gap: it holds a lock from the choice until the port stands in a record.
"""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import Collection
from pathlib import Path

from charly_vm.errors import HostError

FIRST, LAST = 20000, 29999
"""Below the kernel's ephemeral range (ip_local_port_range, from 32768), so that no outgoing
connection sits on a machine's port while the machine is off."""

LISTENING = {"tcp": "0A", "udp": "07"}
"""The states in /proc/net (include/net/tcp_states.h): a UDP socket that is bound is TCP_CLOSE."""


def find_free_port(taken: Collection[int], *, start: int, protocol: str = "tcp") -> int:
    """A port that is not in `taken` and that nothing listens on.

    `start` is any number, such as a digest of a name: the search begins at a place that it
    determines, so that the same name gets the same port while nobody else has it.
    """
    count = LAST - FIRST + 1
    for step in range(count):
        port = FIRST + (start + step) % count
        if port not in taken and _bind_error(port, protocol) is None:
            return port
    raise HostError(
        f"no port between {FIRST} and {LAST} is free on 127.0.0.1",
        hint="`charly vm list -a` shows the machines that hold one",
    )


def require_free_port(port: int, protocol: str = "tcp") -> None:
    """Raise a `HostError` that names the holder, where it can be known, unless the port is free."""
    problem = _bind_error(port, protocol)
    if problem is None:
        return
    if problem == errno.EACCES:
        raise HostError(
            f"port {port} may only be used by root",
            hint="use a port from 1024 on, or let charly choose one: `ssh: {port_auto: true}`, "
            '`port_forwards: ["auto:80"]`',
        )
    holder = find_listener(port, protocol)
    by = f" by {holder}" if holder else ""
    raise HostError(
        f"port {port}{'' if protocol == 'tcp' else f'/{protocol}'} of 127.0.0.1 is in use{by}",
        hint="end that, choose another port, or let charly choose one: `ssh: {port_auto: true}`, "
        '`port_forwards: ["auto:80"]`',
    )


def find_listener(port: int, protocol: str = "tcp") -> str | None:
    """Who listens on a port, as `name (pid 1234)`; None where that cannot be seen."""
    inodes = _listening_inodes(port, protocol)
    for entry in Path("/proc").glob("[0-9]*"):
        # Other users' processes do not show their descriptors, and processes come and go.
        with contextlib.suppress(OSError):
            for descriptor in (entry / "fd").iterdir():
                if str(descriptor.readlink()) in inodes:
                    return f"{(entry / 'comm').read_text().strip()} (pid {entry.name})"
    return None


def _listening_inodes(port: int, protocol: str) -> set[str]:
    """The sockets that listen on a port, as /proc/<pid>/fd names them; see proc(5)."""
    inodes = set()
    for table in (f"/proc/net/{protocol}", f"/proc/net/{protocol}6"):
        with contextlib.suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                theirs = int(fields[1].rpartition(":")[2], 16)
                if fields[3] == LISTENING[protocol] and theirs == port:
                    inodes.add(f"socket:[{fields[9]}]")
    return inodes


def _bind_error(port: int, protocol: str) -> int | None:
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    with socket.socket(type=kind) as probe:
        try:
            if kind is socket.SOCK_STREAM:
                # As QEMU does it: a connection in TIME_WAIT is no reason against a port.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            if kind is socket.SOCK_STREAM:
                # With SO_REUSEADDR two sockets may bind one port; only one may listen on it.
                probe.listen(1)
        except OSError as error:
            return error.errno
    return None
