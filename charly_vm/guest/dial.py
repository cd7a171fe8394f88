"""The first second of a connection: is there an SSH server behind the port?

On QEMU's user network the host side of a forwarded port accepts at once, whether or not the guest
listens; then it stays mute or resets. So the peer is believed when it has said something.
"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any

from charly_vm.guest.address import GuestUnreachable, SshAddress


async def open_answering_socket(address: SshAddress, patience: float) -> socket.socket:
    """Connect and return the socket as soon as the peer's banner can be read from it.

    Nothing is read: what comes next finds the stream at its beginning. Raises `GuestUnreachable`
    where the peer refuses, resets, or says nothing for `patience` seconds.
    """
    loop = asyncio.get_running_loop()
    family, place = _find_place(address)
    connection = socket.socket(family, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        async with asyncio.timeout(patience):
            await loop.sock_connect(connection, place)
            await _wait_until_readable(connection)
        if not connection.recv(1, socket.MSG_PEEK):
            raise GuestUnreachable(address, "the connection was closed before an SSH banner came")
    except OSError as error:
        connection.close()
        raise GuestUnreachable(address, _what_was_seen(error, address, patience)) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _find_place(address: SshAddress) -> tuple[int, Any]:
    """The family of the socket, and where it connects to in that family's form."""
    if address.local is not None:
        return socket.AF_UNIX, str(address.local)
    try:
        flags = socket.AI_NUMERICHOST
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=flags)
    except OSError as error:
        # The link that an address was seen on may be gone.
        raise GuestUnreachable(address, f"{address.host}: {error.strerror}") from error
    family, _, _, _, place = found[0]
    return family, place


def _what_was_seen(error: OSError, address: SshAddress, patience: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no SSH banner within {patience:.0f} s" if patience >= 1 else "no SSH banner yet"
    if isinstance(error, ConnectionRefusedError):
        return f"nothing listens on {address.place}"
    # asyncio puts a text of its own into `strerror`.
    return f"no SSH banner: {os.strerror(error.errno or 0)}"


async def _wait_until_readable(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(connection, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(connection)
