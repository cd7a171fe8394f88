"""A stand-in for a SPICE server: it links channels as one does, and then says what a test wants.

It listens on a UNIX socket, or on a TCP port with or without TLS, checks the ticket, answers on
the main channel as a server has to, and keeps what clients send.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from charly_vm.probe.spice import SpiceAddress
from charly_vm.probe.spice.protocol.linking import SpiceChannel, SpiceCommonCap, SpiceLinkErr
from charly_vm.probe.spice.protocol.messages import (
    SpiceMsgc,
    SpiceMsgcDisplay,
    SpiceMsgcMain,
    SpiceMsgCursor,
    SpiceMsgDisplay,
    SpiceMsgInputs,
    SpiceMsgMain,
)

HEADER = struct.Struct("<4sIII")
REPLY_KEY_BYTES = 162

Said = list[tuple[int, bytes]]


@cache
def server_key() -> rsa.RSAPrivateKey:
    """The key for tickets; its size is the protocol's, and of no use for anything else."""
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)


def public_key() -> bytes:
    return server_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def caps_word(caps: frozenset[int] | set[int]) -> int:
    return sum(1 << cap for cap in caps)


EVERY_CAP = frozenset(
    {SpiceCommonCap.PROTOCOL_AUTH_SELECTION, SpiceCommonCap.AUTH_SPICE, SpiceCommonCap.MINI_HEADER}
)


class StandIn:
    """What it says can be changed until a client connects."""

    def __init__(self) -> None:
        self.password = ""
        self.caps: frozenset[int] = EVERY_CAP
        self.channel_caps: dict[int, int] = defaultdict(int)
        self.version = (2, 2)
        self.link_errors: dict[int, int] = {}
        self.channels = [(2, 0), (3, 0), (4, 0)]
        self.mouse_modes = (3, 1)
        self.agent = 0
        self.script: dict[int, Said] = {}
        """What it says on a channel once that is open, after what it has to."""
        self.raw: dict[int, bytes] = {}
        """Bytes that follow those, which need be no message."""
        self.close_after: set[int] = set()
        """Channels that it closes then."""
        self.answer_link: bytes | None = None
        """What it answers instead of any link reply."""
        self.acknowledges = True
        self.session_id = 4711
        self.received: dict[int, Said] = defaultdict(list)
        self.links: list[tuple[int, int, int]] = []
        """Connection id, channel and channel's id of each link message."""
        self.arrived = threading.Condition()
        self._connections: list[socket.socket] = []

    def sent(self, channel: int, number: int) -> list[bytes]:
        """The bodies of the messages of one kind that clients have sent."""
        return [body for kind, body in list(self.received[channel]) if kind == number]

    def wait_for(self, channel: int, number: int, count: int = 1) -> list[bytes]:
        with self.arrived:
            assert self.arrived.wait_for(
                lambda: len(self.sent(channel, number)) >= count, timeout=20
            ), f"no message {number} on channel {channel}: {self.received[channel]}"
        return self.sent(channel, number)

    def serve(self, listener: socket.socket, context: ssl.SSLContext | None) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self._connections.append(client)
            threading.Thread(target=self._serve_one, args=(client, context), daemon=True).start()

    def close(self) -> None:
        for client in self._connections:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
            client.close()

    def _serve_one(self, client: socket.socket, context: ssl.SSLContext | None) -> None:
        try:
            if context is not None:
                client = context.wrap_socket(client, server_side=True)
                self._connections.append(client)
            _Conversation(self, client).run()
        except (OSError, EOFError, ValueError):
            pass
        finally:
            client.close()


class _Conversation:
    def __init__(self, stand_in: StandIn, client: socket.socket) -> None:
        self._in = stand_in
        self._client = client
        self._serial = 0
        self._channel = 0

    def run(self) -> None:
        if not self._link():
            return
        said = self._in
        if self._channel == SpiceChannel.MAIN:
            self._say(
                SpiceMsgMain.INIT,
                struct.pack("<8I", said.session_id, 1, *said.mouse_modes, said.agent, 0, 0, 0),
            )
        elif self._channel == SpiceChannel.INPUTS:
            self._say(SpiceMsgInputs.INIT, b"\0\0")
        if self._channel != SpiceChannel.DISPLAY:
            self._say_all()
        while True:
            number, body = self._hear()
            with said.arrived:
                said.received[self._channel].append((number, body))
                said.arrived.notify_all()
            self._answer(number, body)

    def _answer(self, number: int, body: bytes) -> None:
        said = self._in
        if self._channel == SpiceChannel.MAIN:
            if number == SpiceMsgcMain.ATTACH_CHANNELS:
                listed = b"".join(bytes(one) for one in said.channels)
                self._say(
                    SpiceMsgMain.CHANNELS_LIST, struct.pack("<I", len(said.channels)) + listed
                )
            elif number == SpiceMsgcMain.MOUSE_MODE_REQUEST:
                mode = int.from_bytes(body, "little")
                self._say(SpiceMsgMain.MOUSE_MODE, struct.pack("<HH", said.mouse_modes[0], mode))
        elif self._channel == SpiceChannel.DISPLAY and number == SpiceMsgcDisplay.INIT:
            self._say_all()
        elif self._channel == SpiceChannel.INPUTS and number in (111, 112):
            moved = len(said.sent(3, 111)) + len(said.sent(3, 112))
            if moved % 4 == 0 and said.acknowledges:
                self._say(SpiceMsgInputs.MOUSE_MOTION_ACK, b"")

    def _say_all(self) -> None:
        for number, body in self._in.script.get(self._channel, []):
            self._say(number, body)
        raw = self._in.raw.get(self._channel)
        if raw is not None:
            self._client.sendall(raw)
        if self._channel in self._in.close_after:
            raise EOFError

    def _link(self) -> bool:
        _, _, _, size = HEADER.unpack(self._take(HEADER.size))
        mess = self._take(size)
        connection, channel, number = struct.unpack_from("<IBB", mess)
        self._channel = channel
        self._in.links.append((connection, channel, number))
        if self._in.answer_link is not None:
            self._client.sendall(self._in.answer_link)
            return False
        error = self._in.link_errors.get(channel, 0)
        body = struct.pack("<I", error) + public_key().ljust(REPLY_KEY_BYTES, b"\0")
        body += struct.pack("<IIIII", 1, 1, 178, caps_word(self._in.caps), self._own_caps())
        self._client.sendall(HEADER.pack(b"REDQ", *self._in.version, len(body)) + body)
        if error:
            return False
        if SpiceCommonCap.PROTOCOL_AUTH_SELECTION in self._in.caps:
            self._take(4)
        ticket = server_key().decrypt(self._take(128), OAEP(MGF1(SHA1()), SHA1(), None))
        taken = ticket == self._in.password.encode() + b"\0"
        verdict = SpiceLinkErr.OK if taken else SpiceLinkErr.PERMISSION_DENIED
        self._client.sendall(struct.pack("<I", verdict))
        return taken

    def _own_caps(self) -> int:
        return self._in.channel_caps[self._channel]

    def _say(self, number: int, body: bytes) -> None:
        self._serial += 1
        self._client.sendall(
            render(number, body, self._serial, mini=SpiceCommonCap.MINI_HEADER in self._in.caps)
        )

    def _hear(self) -> tuple[int, bytes]:
        if SpiceCommonCap.MINI_HEADER in self._in.caps:
            number, size = struct.unpack("<HI", self._take(6))
        else:
            _, number, size, _ = struct.unpack("<QHII", self._take(18))
        return number, self._take(size)

    def _take(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self._client.recv(size - len(data))
            if not more:
                raise EOFError
            data += more
        return data


def render(number: int, body: bytes, serial: int = 1, *, mini: bool = True) -> bytes:
    if mini:
        return struct.pack("<HI", number, len(body)) + body
    return struct.pack("<QHII", serial, number, len(body), 0) + body


@contextmanager
def standing_in(path: Path, **said: Any) -> Iterator[tuple[StandIn, SpiceAddress]]:
    """A stand-in on a UNIX socket."""
    stand_in = StandIn()
    for name, value in said.items():
        assert hasattr(stand_in, name)
        setattr(stand_in, name, value)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(16)
        threading.Thread(target=stand_in.serve, args=(listener, None), daemon=True).start()
        try:
            yield stand_in, SpiceAddress(socket=path)
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            stand_in.close()


@contextmanager
def standing_in_on_tcp(stand_in: StandIn, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """The same on a TCP port, by TLS with a context."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=stand_in.serve, args=(listener, context), daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            stand_in.close()


def screen_script(width: int = 8, height: int = 4, colour: int = 0x102030) -> Said:
    """A screen of one colour, drawn and marked."""
    return [
        (SpiceMsgDisplay.SURFACE_CREATE, struct.pack("<5I", 0, width, height, 32, 1)),
        (SpiceMsgDisplay.DRAW_FILL, fill_body(width, height, colour)),
        (SpiceMsgDisplay.MARK, b""),
    ]


def base_body(left: int, top: int, right: int, bottom: int, surface: int = 0) -> bytes:
    """A `DisplayBase` without a clip."""
    return struct.pack("<IiiiiB", surface, top, left, bottom, right, 0)


def fill_body(width: int, height: int, colour: int, descriptor: int = 8) -> bytes:
    """`DRAW_FILL` of a solid brush without a mask."""
    brush = struct.pack("<BI", 1, colour)
    return base_body(0, 0, width, height) + brush + struct.pack("<HBiiI", descriptor, 0, 0, 0, 0)


__all__ = [
    "SpiceMsgCursor",
    "SpiceMsgc",
    "StandIn",
    "base_body",
    "fill_body",
    "render",
    "screen_script",
    "standing_in",
    "standing_in_on_tcp",
]
