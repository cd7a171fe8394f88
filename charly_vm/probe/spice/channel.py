"""What every channel does: acknowledge, answer pings, say when the server ends it.

Layouts are those of `BaseChannel` in the published `spice.proto`.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping

from charly_vm.errors import ProbeError
from charly_vm.probe.spice.failures import SpiceUnreachable
from charly_vm.probe.spice.framing import (
    Message,
    MessageStream,
    read_sub_messages,
    render_message,
)
from charly_vm.probe.spice.handshake import Link, channel_name
from charly_vm.probe.spice.limits import MAX_MESSAGE, MAX_OUTGOING
from charly_vm.probe.spice.protocol.linking import SpiceLinkErr, SpiceNotifySeverity
from charly_vm.probe.spice.protocol.messages import SpiceMsg, SpiceMsgc
from charly_vm.probe.spice.reader import Reader
from charly_vm.probe.spice.transport import broken

MAX_NOTES = 100

Handler = Callable[[Reader], None]
WaitFor = tuple[tuple[int, int], int]
"""A channel's type and id, and the serial of a message on it."""

_PONG = struct.Struct("<IQ")


class MigrationSeen(ProbeError):
    """The machine moves to another host, and its SPICE server with it."""


class Channel:
    """One channel after its handshake. The pump's thread calls `receive` and `flush`, nobody else.

    While a message is handled, `busy` is set; whoever reads the channel's state holds `changed`
    and waits until it is not. Handling holds no lock: it may take seconds.
    """

    message_limit = MAX_MESSAGE

    def __init__(self, link: Link, changed: threading.Condition) -> None:
        self.link = link
        self.changed = changed
        self.busy = False
        self.failure: BaseException | None = None
        self.notes: list[str] = []
        self.received = 0
        """The serial of the latest message that was handled; the first has serial 1."""
        self.waits: list[WaitFor] = []
        """What other channels have to receive before this one goes on."""
        self._sent = 0
        self._outgoing = bytearray()
        self._window = 0
        self._until_ack = 0
        self._stream = MessageStream(
            link.connection.sock,
            link.connection.where,
            mini_header=link.mini_header,
            limit=self.message_limit,
        )
        self._handlers: dict[int, Handler] = {
            SpiceMsg.MIGRATE: self._on_migrate,
            SpiceMsg.MIGRATE_DATA: self._on_migrate,
            SpiceMsg.SET_ACK: self._on_set_ack,
            SpiceMsg.PING: self._on_ping,
            SpiceMsg.WAIT_FOR_CHANNELS: self._on_wait,
            SpiceMsg.DISCONNECTING: self._on_disconnecting,
            SpiceMsg.NOTIFY: self._on_notify,
            SpiceMsg.LIST: self._on_list,
            **self.handlers(),
        }

    def handlers(self) -> Mapping[int, Handler]:
        """What this kind of channel does with its own messages, by their number."""
        return {}

    def begin(self) -> None:
        """Send what the server wants first; called once, before the pump has the channel."""

    def release(self) -> None:
        """Let go of what takes memory. A channel refers to itself, and so it stays for a while."""

    @property
    def name(self) -> str:
        return channel_name(self.link.channel)

    @property
    def sock(self) -> socket.socket:
        return self.link.connection.sock

    @property
    def unsent(self) -> bool:
        return bool(self._outgoing)

    @property
    def under_way(self) -> bool:
        """Whether the server is in the middle of a message."""
        return self.busy or self._stream.under_way

    def send(self, number: int, body: bytes = b"") -> None:
        """Put a message on the way; the pump sends it. Any thread may do this."""
        with self.changed:
            if len(self._outgoing) > MAX_OUTGOING:
                raise SpiceUnreachable(
                    f"{self.link.connection.where} does not read what it is sent:"
                    f" {len(self._outgoing)} bytes wait"
                )
            self._sent += 1
            self._outgoing += render_message(
                number, body, self._sent, mini_header=self.link.mini_header
            )

    def flush(self) -> None:
        """Send as much as the socket takes. Raises `SpiceUnreachable`."""
        with self.changed:
            while self._outgoing:
                try:
                    count = self.sock.send(self._outgoing)
                except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    return
                except OSError as error:
                    raise broken(self.link.connection.where, error) from error
                del self._outgoing[:count]

    def receive(self) -> bool:
        """Receive and handle one message; False where none has come in whole.

        Raises a `ProbeError` for whatever ends the channel.
        """
        message = self._stream.receive()
        if message is None:
            return False
        with self.changed:
            self.busy = True
        try:
            for one in (*message.before, message):
                self._handle(one)
            self._acknowledge()
        finally:
            with self.changed:
                self.busy = False
                self.received += 1
                self.changed.notify_all()
        return True

    def note(self, text: str) -> None:
        """Keep a sentence about what was seen and left out, for the status."""
        if len(self.notes) < MAX_NOTES and text not in self.notes:
            self.notes.append(text)

    def _handle(self, message: Message) -> None:
        handler = self._handlers.get(message.number)
        if handler is None:
            self.note(f"the {self.name} channel sent message {message.number}, which is not known")
            return
        handler(Reader(message.body, f"message {message.number} on the {self.name} channel"))

    def _acknowledge(self) -> None:
        if not self._window:
            return
        self._until_ack -= 1
        if self._until_ack <= 0:
            self._until_ack = self._window
            self.send(SpiceMsgc.ACK)

    def _on_set_ack(self, reader: Reader) -> None:
        generation, self._window = reader.u32(), reader.u32()
        # The message itself does not count.
        self._until_ack = self._window + 1
        self.send(SpiceMsgc.ACK_SYNC, generation.to_bytes(4, "little"))

    def _on_ping(self, reader: Reader) -> None:
        self.send(SpiceMsgc.PONG, _PONG.pack(reader.u32(), reader.u64()))

    def _on_wait(self, reader: Reader) -> None:
        self.waits = self.read_waits(reader)

    @staticmethod
    def read_waits(reader: Reader) -> list[WaitFor]:
        """A list of `WaitForChannel`."""
        count = reader.count(reader.u8(), 10, 255, "channels to wait for")
        return [((reader.u8(), reader.u8()), reader.u64()) for _ in range(count)]

    def _on_list(self, reader: Reader) -> None:
        for message in read_sub_messages(reader):
            if message.number == SpiceMsg.LIST:
                raise reader.error("it is a list in a list")
            self._handle(message)

    def _on_notify(self, reader: Reader) -> None:
        reader.u64()
        severity, _, _, size = reader.u32(), reader.u32(), reader.u32(), reader.u32()
        text = bytes(reader.take(min(size, reader.remaining))).rstrip(b"\0")
        level = "information"
        if severity == SpiceNotifySeverity.WARN:
            level = "warning"
        elif severity == SpiceNotifySeverity.ERROR:
            level = "error"
        self.note(f"the server notes on the {self.name} channel ({level}): {_line(text)}")

    def _on_disconnecting(self, reader: Reader) -> None:
        reader.u64()
        reason = reader.u32()
        try:
            why = SpiceLinkErr(reason).name.lower().replace("_", " ")
        except ValueError:
            why = f"reason {reason}"
        raise SpiceUnreachable(f"the SPICE server ends the {self.name} channel: {why}")

    def _on_migrate(self, reader: Reader) -> None:
        raise self.migration()

    def migration(self) -> MigrationSeen:
        return MigrationSeen(
            "the machine is migrating to another host, and its SPICE server goes along",
            hint="connect again, to where it runs by then",
        )


def _line(text: bytes) -> str:
    return " ".join(text.decode("utf-8", "replace").split())[:400]
