"""The link handshake's messages, which open every channel; pure.

Both sides send a `SpiceLinkHeader` (magic, version, size) and what belongs to it: the client a
`SpiceLinkMess`, the server a `SpiceLinkReply` with the key for the ticket. The layouts are those
of `spice/protocol.h`; all numbers are little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from charly_vm.probe.spice.failures import SpiceProtocolError
from charly_vm.probe.spice.protocol.linking import (
    SpiceChannel,
    SpiceCommonCap,
    SpiceDisplayCap,
    SpiceMainCap,
)
from charly_vm.probe.spice.reader import Buffer, Reader

SPICE_MAGIC = b"REDQ"
SPICE_VERSION_MAJOR = 2
SPICE_VERSION_MINOR = 2
SPICE_TICKET_PUBKEY_BYTES = 1024 // 8 + 34

HEADER = struct.Struct("<4sIII")
_MESS = struct.Struct("<IBBIII")

MAX_LINK_BYTES = 4096
"""The server's own limit for what a client sends; its answer has about 190 bytes."""
MAX_CAPABILITY_WORDS = 32

OUR_COMMON_CAPS = (
    SpiceCommonCap.PROTOCOL_AUTH_SELECTION,
    SpiceCommonCap.AUTH_SPICE,
    SpiceCommonCap.MINI_HEADER,
)

# A server disconnects a client without GL_SCANOUT as soon as it shows by GL. With it, it says so.
OUR_CHANNEL_CAPS: dict[int, tuple[IntEnum, ...]] = {
    SpiceChannel.MAIN: (SpiceMainCap.NAME_AND_UUID, SpiceMainCap.AGENT_CONNECTED_TOKENS),
    SpiceChannel.DISPLAY: (
        SpiceDisplayCap.SIZED_STREAM,
        SpiceDisplayCap.MONITORS_CONFIG,
        SpiceDisplayCap.COMPOSITE,
        SpiceDisplayCap.A8_SURFACE,
        SpiceDisplayCap.LZ4_COMPRESSION,
        SpiceDisplayCap.PREF_COMPRESSION,
        SpiceDisplayCap.GL_SCANOUT,
        SpiceDisplayCap.MULTI_CODEC,
        SpiceDisplayCap.CODEC_MJPEG,
    ),
}


@dataclass(frozen=True, slots=True)
class LinkReply:
    """What the server said: its error (0 is none), its key and its capabilities, as bit numbers."""

    error: int
    public_key: bytes
    common_caps: frozenset[int]
    channel_caps: frozenset[int]


def render_link(
    connection: int, channel: int, channel_id: int, channel_caps: Iterable[int]
) -> bytes:
    """Our greeting on a new connection; `connection` is 0 for the main channel that begins."""
    common = _words(OUR_COMMON_CAPS)
    own = _words(channel_caps)
    body = _MESS.pack(connection, channel, channel_id, len(common) // 4, len(own) // 4, _MESS.size)
    body += common + own
    return HEADER.pack(SPICE_MAGIC, SPICE_VERSION_MAJOR, SPICE_VERSION_MINOR, len(body)) + body


def read_header(data: Buffer) -> tuple[int, int, int]:
    """The server's major and minor version and the size of what follows.

    Raises `SpiceProtocolError` for another major version, and for a size beyond all reason.
    """
    _, major, minor, size = HEADER.unpack(data)
    if major != SPICE_VERSION_MAJOR:
        raise SpiceProtocolError(
            f"the SPICE server speaks version {major}.{minor} of the protocol, and we speak"
            f" {SPICE_VERSION_MAJOR}.{SPICE_VERSION_MINOR}",
            hint="only servers of major version 2 can be talked to, which all since 2010 have",
        )
    if size > MAX_LINK_BYTES:
        raise SpiceProtocolError(
            f"the SPICE server announces a link reply of {size} bytes;"
            f" more than {MAX_LINK_BYTES} cannot be"
        )
    return major, minor, size


def read_reply(body: Buffer) -> LinkReply:
    """Raises `SpiceProtocolError`."""
    reader = Reader(body, "link reply")
    error = reader.u32()
    if error and reader.remaining < SPICE_TICKET_PUBKEY_BYTES:
        return LinkReply(error, b"", frozenset(), frozenset())
    key = bytes(reader.take(SPICE_TICKET_PUBKEY_BYTES))
    common, own = reader.u32(), reader.u32()
    caps = reader.at(reader.u32())
    caps.count(common + own, 4, MAX_CAPABILITY_WORDS, "words of capabilities")
    return LinkReply(
        error,
        key,
        _bits([caps.u32() for _ in range(common)]),
        _bits([caps.u32() for _ in range(own)]),
    )


def _words(caps: Iterable[int]) -> bytes:
    bits = 0
    for cap in caps:
        bits |= 1 << cap
    return bits.to_bytes((bits.bit_length() + 31) // 32 * 4, "little")


def _bits(words: list[int]) -> frozenset[int]:
    return frozenset(
        32 * index + bit for index, word in enumerate(words) for bit in range(32) if word >> bit & 1
    )
