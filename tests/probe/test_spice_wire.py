"""Taking messages apart and putting them together, without a server."""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charly_vm.errors import ProbeError
from charly_vm.probe.spice import SpiceProtocolError, SpiceUnreachable
from charly_vm.probe.spice.framing import MessageStream, render_message
from charly_vm.probe.spice.geometry import Rect, clip
from charly_vm.probe.spice.link import LinkReply, read_header, read_reply, render_link
from charly_vm.probe.spice.reader import Reader
from charly_vm.probe.spice.subject import matches_subject, parse_subject


def test_numbers_are_little_endian() -> None:
    reader = Reader(bytes(range(1, 22)), "message")
    assert reader.u8() == 1
    assert reader.u16() == 0x0302
    assert reader.u32() == 0x07060504
    assert reader.u64() == 0x0F0E0D0C0B0A0908
    assert Reader(b"\xff\xff", "message").i16() == -1
    assert Reader(b"\xfe\xff\xff\xff", "message").i32() == -2


@pytest.mark.parametrize("name", ["u8", "u16", "i16", "u32", "i32", "u64"])
def test_nothing_is_read_beyond_the_end(name: str) -> None:
    with pytest.raises(SpiceProtocolError, match="message that cannot be: it ends"):
        getattr(Reader(b"", "message"), name)()


@given(data=st.binary(max_size=40), size=st.integers(0, 80))
def test_a_view_is_never_longer_than_what_is_there(data: bytes, size: int) -> None:
    reader = Reader(data, "message")
    if size <= len(data):
        assert bytes(reader.take(size)) == data[:size]
        assert reader.remaining == len(data) - size
    else:
        with pytest.raises(SpiceProtocolError):
            reader.take(size)
        assert reader.remaining == len(data)


def test_counts_are_bounded_before_anything_is_read() -> None:
    reader = Reader(bytes(100), "message")
    assert reader.count(25, 4, 30, "things") == 25
    with pytest.raises(SpiceProtocolError, match="31 things are more than the 30"):
        reader.count(31, 1, 30, "things")
    with pytest.raises(SpiceProtocolError, match="26 things do not fit into its 100 bytes"):
        reader.count(26, 4, 30, "things")


def test_a_pointer_beyond_the_message_is_an_error() -> None:
    with pytest.raises(SpiceProtocolError, match="points to byte 11 of 10"):
        Reader(bytes(10), "message").at(11)


def test_a_link_message_has_the_published_layout() -> None:
    sent = render_link(7, 2, 1, [1, 33])
    magic, major, minor, size = struct.unpack_from("<4sIII", sent)
    assert (magic, major, minor, size) == (b"REDQ", 2, 2, len(sent) - 16)
    connection, channel, number, common, own, offset = struct.unpack_from("<IBBIII", sent, 16)
    assert (connection, channel, number, common, own, offset) == (7, 2, 1, 1, 2, 18)
    assert struct.unpack_from("<III", sent, 16 + offset) == (0b1011, 2, 2)


def test_a_reply_has_its_capabilities_where_it_says() -> None:
    body = struct.pack("<I", 0) + bytes(162) + struct.pack("<III", 1, 2, 182)
    body += b"pads" + struct.pack("<III", 0b1001, 1, 1 << 31)
    assert read_reply(body) == LinkReply(0, bytes(162), frozenset({0, 3}), frozenset({0, 63}))


def test_a_reply_that_is_an_error_needs_nothing_more() -> None:
    assert read_reply(struct.pack("<I", 7)).error == 7


def test_an_old_server_is_told_by_its_version() -> None:
    with pytest.raises(
        SpiceProtocolError, match=r"version 1\.0 of the protocol, and we speak 2\.2"
    ):
        read_header(b"REDQ" + struct.pack("<III", 1, 0, 178))


@pytest.mark.parametrize("mini", [True, False])
@given(bodies=st.lists(st.binary(max_size=50), max_size=5), cut=st.integers(1, 30))
def test_messages_come_through_whatever_pieces_they_come_in(
    mini: bool, bodies: list[bytes], cut: int
) -> None:
    data = b"".join(
        render_message(100 + index, body, index, mini_header=mini)
        for index, body in enumerate(bodies)
    )
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        stream = MessageStream(ours, "a test", mini_header=mini, limit=60)
        came = []
        for begin in range(0, len(data), cut):
            theirs.sendall(data[begin : begin + cut])
            while (message := stream.receive()) is not None:
                came.append((message.number, bytes(message.body)))
        assert came == [(100 + index, body) for index, body in enumerate(bodies)]
        assert not stream.under_way
        theirs.close()
        with pytest.raises(SpiceUnreachable, match=r"a test closed the connection\n"):
            stream.receive()


def test_a_message_with_sub_messages_gives_them_first() -> None:
    inner = struct.pack("<HI", 4, 3) + b"abc"
    body = b"main" + inner + struct.pack("<HI", 1, 4)
    header = struct.pack("<QHII", 1, 103, len(body), 4 + len(inner))
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(header + body)
        message = MessageStream(ours, "a test", mini_header=False, limit=60).receive()
    assert message is not None
    assert [(one.number, bytes(one.body)) for one in message.before] == [(4, b"abc")]


SURFACE = Rect(0, 0, 40, 30)
RECTS = st.builds(
    lambda x, y, w, h: Rect(x, y, x + w, y + h),
    st.integers(-10, 50),
    st.integers(-10, 40),
    st.integers(-3, 30),
    st.integers(-3, 30),
)


@given(box=RECTS, rects=st.lists(RECTS, max_size=6))
def test_a_region_has_each_pixel_once(box: Rect, rects: list[Rect]) -> None:
    parts = clip(box.intersect(SURFACE), rects)
    seen: set[tuple[int, int]] = set()
    doubled = False
    for part in parts:
        pixels = {
            (x, y) for x in range(part.left, part.right) for y in range(part.top, part.bottom)
        }
        doubled |= bool(pixels & seen)
        seen |= pixels
    inside = {
        (x, y)
        for x in range(40)
        for y in range(30)
        if any(
            one.left <= x < one.right and one.top <= y < one.bottom and _in(box, x, y)
            for one in rects
        )
    }
    assert seen == inside
    # Few that overlap a little cost nothing, and are painted twice.
    assert not doubled or sum(part.area for part in parts) <= box.area


def _in(box: Rect, x: int, y: int) -> bool:
    return box.left <= x < box.right and box.top <= y < box.bottom


def test_many_that_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match="2000 clip rectangles overlap"):
        clip(SURFACE, [SURFACE] * 2000)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("CN=a", [("commonName", "a")]),
        ("C=IL, O=Red\\, Hat", [("countryName", "IL"), ("organizationName", "Red, Hat")]),
        ("", []),
    ],
)
def test_subjects_are_read(text: str, parts: list[tuple[str, str]]) -> None:
    assert parse_subject(text) == parts


def test_a_subject_has_all_of_its_parts() -> None:
    certificate = {"subject": ((("countryName", "IL"),), (("commonName", "a"),))}
    assert matches_subject(certificate, parse_subject("C=IL,CN=a"))
    assert not matches_subject(certificate, parse_subject("CN=a"))
    with pytest.raises(ProbeError, match='"a" has no ='):
        parse_subject("a")
