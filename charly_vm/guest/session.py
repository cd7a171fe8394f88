"""asyncssh's side of one command: takes what the server sends, and knows what to end it by.

Everything here runs on the event loop's thread.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass, field

import asyncssh

from charly_vm.guest.command import split_pid_line
from charly_vm.host.process import tail_text

TAIL_BYTES = 16384
UNKNOWN_SIGNAL = 255
"""Stands for a signal that this host has no number for."""


@dataclass
class Stream:
    """One of the two streams: kept whole, and passed on as it comes."""

    callback: Callable[[bytes], None] | None
    chunks: list[bytes] = field(default_factory=list)

    def take(self, data: bytes) -> None:
        self.chunks.append(data)
        if self.callback is not None:
            self.callback(data)

    def data(self) -> bytes:
        return b"".join(self.chunks)


class CommandSession(asyncssh.SSHClientSession[bytes]):
    """What is known of a command that was handed to the server."""

    def __init__(self, stdout: Stream, stderr: Stream) -> None:
        self.stdout = stdout
        self.stderr = stderr
        self.identified = asyncio.Event()
        """Set once `pid` is known, or will never be."""
        self.pid: int | None = None
        self.closed = asyncio.Event()
        """Set once nothing more comes."""
        self.settled = asyncio.Event()
        """Set once there is nothing to wait for: it is closed, or a callback has failed."""
        self.status: int | None = None
        self.lost: Exception | None = None
        self.failure: BaseException | None = None
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self._unread = b""

    def send(self, data: bytes | None) -> None:
        """Write all of standard input and close it, unless the command has ended already."""
        if self._channel is not None and not self._channel.is_closing():
            self._channel.write(data or b"")
            self._channel.write_eof()

    def said_so_far(self) -> str:
        """The last lines of both streams."""
        said = self.stdout.data()[-TAIL_BYTES:] + self.stderr.data()[-TAIL_BYTES:]
        return tail_text(said.decode("utf-8", "replace"))

    async def drain(self, seconds: float) -> None:
        """Wait for the end of the streams, and close the channel where it does not come."""
        try:
            async with asyncio.timeout(seconds):
                await self.closed.wait()
        except TimeoutError:
            if self._channel is not None:
                self._channel.abort()

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self._channel = chan

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        if datatype is None:
            self._pass_on(self.stdout, data)
        elif self.identified.is_set():
            self._pass_on(self.stderr, data)
        else:
            self._identify(self._unread + data)

    def eof_received(self) -> bool:
        # True keeps our side open: a command may close its output and read on.
        return True

    def exit_status_received(self, status: int) -> None:
        self.status = status

    def exit_signal_received(self, signal_name: str, core: bool, message: str, lang: str) -> None:
        known = signal.Signals.__members__.get(f"SIG{signal_name}")
        self.status = -(known or UNKNOWN_SIGNAL)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = exc
        self._pass_on(self.stderr, self._unread)
        for event in (self.identified, self.closed, self.settled):
            event.set()

    def _identify(self, data: bytes) -> None:
        found = split_pid_line(data)
        if found is None:
            self._unread = data
            return
        self._unread = b""
        self.pid, rest = found
        self.identified.set()
        self._pass_on(self.stderr, rest)

    def _pass_on(self, stream: Stream, data: bytes) -> None:
        if not data or self.failure is not None:
            return
        try:
            stream.take(data)
        except BaseException as error:
            # Anything that left here would end the connection, and with it other commands.
            self.failure = error
            self.settled.set()
