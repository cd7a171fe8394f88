"""Plays a channel's bytes to it without a server, and without a thread."""

from __future__ import annotations

import socket
import struct
import threading
from pathlib import Path
from typing import TypeVar

from charly_vm.errors import ProbeError
from charly_vm.probe.spice.channel import Channel
from charly_vm.probe.spice.channels import MakeChannel
from charly_vm.probe.spice.cursor_channel import CursorChannel
from charly_vm.probe.spice.display_channel import DisplayChannel
from charly_vm.probe.spice.handshake import Link
from charly_vm.probe.spice.inputs_channel import InputsChannel
from charly_vm.probe.spice.main_channel import MainChannel
from charly_vm.probe.spice.protocol.linking import SpiceChannel, SpiceCommonCap
from charly_vm.probe.spice.transport import Connection

GOLDEN = Path(__file__).parent / "golden"

C = TypeVar("C", bound=Channel)


def make_display(link: Link, changed: threading.Condition) -> DisplayChannel:
    return DisplayChannel(link, changed, None)


KINDS: dict[str, tuple[SpiceChannel, MakeChannel[Channel]]] = {
    "main": (SpiceChannel.MAIN, MainChannel),
    "display": (SpiceChannel.DISPLAY, make_display),
    "cursor": (SpiceChannel.CURSOR, CursorChannel),
    "inputs": (SpiceChannel.INPUTS, InputsChannel),
}


def play(kind: str, data: bytes, *, mini_header: bool = True) -> tuple[Channel, ProbeError]:
    """A channel that has received these bytes, and what ended it: their end, if nothing else."""
    number, make = KINDS[kind]
    ours, theirs = socket.socketpair()
    caps = frozenset({SpiceCommonCap.MINI_HEADER} if mini_header else ())
    link = Link(Connection(ours, "a tape"), number, 0, (2, 2), caps, frozenset(), False)
    with ours, theirs:
        channel = make(link, threading.Condition())
        sender = threading.Thread(target=_send, args=(theirs, data), daemon=True)
        sender.start()
        ours.settimeout(30)
        try:
            while channel.receive():
                # What it answers goes nowhere.
                channel._outgoing.clear()
            raise AssertionError("it waits for more")
        except ProbeError as error:
            return channel, error
        finally:
            ours.close()
            sender.join(5)


def _send(sock: socket.socket, data: bytes) -> None:
    try:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
    except OSError:
        # The channel has had enough.
        pass


def split(recording: bytes) -> list[tuple[int, bytes]]:
    """The messages of a recording: numbers and bodies."""
    messages = []
    position = 0
    while position < len(recording):
        number, size = struct.unpack_from("<HI", recording, position)
        position += 6
        messages.append((number, recording[position : position + size]))
        position += size
    return messages


def join(messages: list[tuple[int, bytes]]) -> bytes:
    return b"".join(struct.pack("<HI", number, len(body)) + body for number, body in messages)
