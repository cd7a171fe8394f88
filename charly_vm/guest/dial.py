"""The first second of a connection: is there an SSH server behind the port?

On QEMU's user network the host side of a forwarded port accepts at once, whether or not the guest
listens; then it stays mute or resets. So the peer is believed when it has said something.
"""

from __future__ import annotations

import asyncio
import os
import socket

from charly_vm.guest.address import GuestUnreachable, SshAddress

HOST = "127.0.0.1"


async def open_answering_socket(address: SshAddress, patience: float) -> socket.socket:
    """Connect and return the socket as soon as the peer's banner can be read from it.

    Nothing is read: what comes next finds the stream at its beginning. Raises `GuestUnreachable`
    where the peer refuses, resets, or says nothing for `patience` seconds.
    """
    loop = asyncio.get_running_loop()
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        async with asyncio.timeout(patience):
            await loop.sock_connect(connection, (HOST, address.port))
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


def _what_was_seen(error: OSError, address: SshAddress, patience: float) -> str:
    if isinstance(error, TimeoutError):
        return f"no SSH banner within {patience:.0f} s" if patience >= 1 else "no SSH banner yet"
    if isinstance(error, ConnectionRefusedError):
        return f"nothing listens on {HOST}:{address.port}"
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
