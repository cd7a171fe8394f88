"""Messages on an open channel: headers, bodies and sub-messages.

A header is a `SpiceMiniDataHeader` (type, size) where both sides can do with it, and otherwise a
`SpiceDataHeader` (serial, type, size, offset of a list of sub-messages in the body).
"""

from __future__ import annotations

import socket
import ssl
import struct
from dataclasses import dataclass

from charly_vm.probe.spice.failures import SpiceProtocolError, SpiceUnreachable
from charly_vm.probe.spice.limits import MAX_SUB_MESSAGES
from charly_vm.probe.spice.reader import Buffer, Reader
from charly_vm.probe.spice.transport import broken

MINI_HEADER = struct.Struct("<HI")
FULL_HEADER = struct.Struct("<QHII")


@dataclass(frozen=True, slots=True)
class Message:
    """One message from the server: its number, its body, and those that it carries before it."""

    number: int
    body: Buffer
    before: tuple[Message, ...] = ()


def render_message(number: int, body: bytes, serial: int, *, mini_header: bool) -> bytes:
    """A message to the server."""
    if mini_header:
        return MINI_HEADER.pack(number, len(body)) + body
    return FULL_HEADER.pack(serial, number, len(body), 0) + body


class MessageStream:
    """Puts messages together from a socket that does not block."""

    def __init__(self, sock: socket.socket, where: str, *, mini_header: bool, limit: int) -> None:
        """`limit` is the size in bytes that no body may exceed; `where` is for messages."""
        self._sock = sock
        self._where = where
        self._layout = MINI_HEADER if mini_header else FULL_HEADER
        self._limit = limit
        self._header = bytearray(self._layout.size)
        self._body: bytearray | None = None
        self._number = 0
        self._sub_list = 0
        self._got = 0

    @property
    def under_way(self) -> bool:
        """Whether a part of a message has come, and the rest has not."""
        return self._body is not None or self._got > 0

    def receive(self) -> Message | None:
        """The next message, or None where it has not come in whole yet.

        Raises `SpiceUnreachable` where the server has closed the connection, and
        `SpiceProtocolError`.
        """
        if self._body is None:
            if not self._fill(self._header):
                return None
            self._begin()
        assert self._body is not None
        if not self._fill(self._body):
            return None
        body, self._body, self._got = self._body, None, 0
        before = _sub_messages(body, self._sub_list) if self._sub_list else ()
        return Message(self._number, body, before)

    def _begin(self) -> None:
        if len(self._header) == MINI_HEADER.size:
            self._number, size = MINI_HEADER.unpack(self._header)
        else:
            _, self._number, size, self._sub_list = FULL_HEADER.unpack(self._header)
        if size > self._limit:
            raise SpiceProtocolError(
                f"{self._where} announces a SPICE message of {size} bytes;"
                f" more than {self._limit} are not taken on this channel"
            )
        self._body = bytearray(size)
        self._got = 0

    def _fill(self, buffer: bytearray) -> bool:
        with memoryview(buffer) as view:
            while self._got < len(buffer):
                try:
                    count = self._sock.recv_into(view[self._got :])
                except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    return False
                except (ConnectionResetError, ssl.SSLEOFError):
                    count = 0
                except OSError as error:
                    raise broken(self._where, error) from error
                if not count:
                    raise self._closed(len(buffer))
                self._got += count
        return True

    def _closed(self, size: int) -> SpiceUnreachable:
        if not self.under_way:
            return SpiceUnreachable(
                f"{self._where} closed the connection",
                hint="the machine has ended, or another client has taken over",
            )
        what = "a message" if self._body is not None else "a message's header"
        return SpiceUnreachable(
            f"{self._where} closed the connection in the middle of {what}:"
            f" {self._got} of {size} bytes came"
        )


def read_sub_messages(reader: Reader) -> tuple[Message, ...]:
    """A `SpiceSubMessageList`: a count, and offsets of messages with headers of their own."""
    count = reader.count(reader.u16(), 4, MAX_SUB_MESSAGES, "sub-messages")
    return tuple(_sub_message(reader.at(reader.u32())) for _ in range(count))


def _sub_messages(body: Buffer, offset: int) -> tuple[Message, ...]:
    return read_sub_messages(Reader(body, "list of sub-messages", offset))


def _sub_message(reader: Reader) -> Message:
    number, size = reader.u16(), reader.u32()
    return Message(number, reader.take(size))
