"""The display channel's messages, one by one, and the limits that they are held to."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from replaying import join, play
from spice_stand_in import base_body, fill_body, screen_script

from charly_vm.errors import ProbeError
from charly_vm.probe.spice.canvas.rop import (
    DESTINATION,
    PATTERN,
    SOURCE,
    combine,
    ternary_of,
    uses,
)
from charly_vm.probe.spice.cursor_channel import Cursor, CursorChannel
from charly_vm.probe.spice.display_channel import DisplayChannel
from charly_vm.probe.spice.limits import GLZ_WINDOW_PIXELS, MAX_CLIP_RECTS
from charly_vm.probe.spice.protocol.devices import SpiceCursorFlags, SpiceCursorType
from charly_vm.probe.spice.protocol.drawing import (
    SpiceBitmapFlags,
    SpiceBitmapFmt,
    SpiceImageFlags,
    SpiceImageType,
    SpiceRopd,
    SpiceSurfaceFmt,
)
from charly_vm.probe.spice.protocol.messages import SpiceMsgCursor, SpiceMsgDisplay

Said = list[tuple[int, bytes]]
NO_MASK = struct.pack("<BiiI", 0, 0, 0, 0)
CREATE, FILL, COPY = (
    SpiceMsgDisplay.SURFACE_CREATE,
    SpiceMsgDisplay.DRAW_FILL,
    SpiceMsgDisplay.DRAW_COPY,
)


def shown(messages: Said) -> DisplayChannel:
    """A display after these messages, with which nothing was wrong."""
    channel, end = play("display", join(messages))
    assert isinstance(channel, DisplayChannel)
    assert end.message == "a tape closed the connection", end
    return channel


def refused(messages: Said) -> str:
    """What is said about these messages."""
    _, end = play("display", join(messages))
    return end.message


def pixel(channel: DisplayChannel, x: int, y: int, surface: int = 0) -> tuple[int, ...]:
    """Red, green and blue."""
    row = channel.drawing.surfaces[surface].raster().row(y, x, x + 1)
    return row[2], row[1], row[0]


def create(number: int = 0, width: int = 8, height: int = 4, form: int = 32) -> tuple[int, bytes]:
    return CREATE, struct.pack("<5I", number, width, height, form, 1)


def copy_of(
    image: bytes, width: int, height: int, *, surface: int = 0, extra: bytes = b""
) -> tuple[int, bytes]:
    """`DRAW_COPY` of a whole image to the corner; `extra` lies behind it, and is pointed to."""
    head = base_body(0, 0, width, height, surface)
    offset = len(head) + 4 + 16 + 3 + len(NO_MASK)
    body = head + struct.pack("<I", offset) + struct.pack("<4i", 0, 0, height, width)
    body += struct.pack("<HB", SpiceRopd.OP_PUT, 1) + NO_MASK
    return COPY, body + image.replace(b"EXTR", struct.pack("<I", offset + len(image))) + extra


def descriptor(
    kind: int, width: int = 2, height: int = 1, *, identity: int = 5, flags: int = 0
) -> bytes:
    return struct.pack("<QBBII", identity, kind, flags, width, height)


def bitmap(data: bytes, form: int = SpiceBitmapFmt.BIT32, *, flags: int = 0) -> bytes:
    """Two pixels in a row, from the top."""
    stride = len(data)
    bits = SpiceBitmapFlags.TOP_DOWN | flags
    return struct.pack("<BBIII", form, bits, 2, 1, stride)


RED_BLUE = bytes((0, 0, 255, 0, 255, 0, 0, 0))


def plain(*, identity: int = 5, flags: int = 0) -> bytes:
    body = bitmap(RED_BLUE) + struct.pack("<I", 0) + RED_BLUE
    return descriptor(SpiceImageType.BITMAP, identity=identity, flags=flags) + body


def test_a_copy_draws_its_pixels() -> None:
    channel = shown([create(), copy_of(plain(), 2, 1)])
    assert (pixel(channel, 0, 0), pixel(channel, 1, 0)) == ((255, 0, 0), (0, 0, 255))
    assert pixel(channel, 2, 0) == (0, 0, 0)


def test_the_cache_keeps_images_until_they_are_to_be_forgotten() -> None:
    kept = copy_of(plain(flags=SpiceImageFlags.CACHE_ME), 2, 1)
    again = copy_of(descriptor(SpiceImageType.FROM_CACHE), 2, 1)
    forget = SpiceMsgDisplay.INVAL_LIST, struct.pack("<HBQ", 1, 1, 5)
    black = FILL, fill_body(8, 4, 0)
    assert pixel(shown([create(), kept, black, again]), 0, 0) == (255, 0, 0)
    for message in (forget, (SpiceMsgDisplay.INVAL_ALL_PIXMAPS, b"\0")):
        assert "image 0x5 should be in our cache and is not" in refused(
            [create(), kept, message, again]
        )


def test_what_was_not_exact_is_not_taken_for_it() -> None:
    image = io.BytesIO()
    Image.new("RGB", (2, 1), (255, 0, 0)).save(image, "JPEG")
    data = image.getvalue()
    head = descriptor(SpiceImageType.JPEG, flags=SpiceImageFlags.CACHE_ME)
    lossy = copy_of(head + struct.pack("<I", len(data)) + data, 2, 1)
    exact = copy_of(descriptor(SpiceImageType.FROM_CACHE_LOSSLESS), 2, 1)
    replaced = copy_of(plain(flags=SpiceImageFlags.CACHE_REPLACE_ME), 2, 1)
    assert "should be in our cache" in refused([create(), lossy, exact])
    assert pixel(shown([create(), lossy, replaced, exact]), 1, 0) == (0, 0, 255)


PALETTE = struct.pack("<QH2I", 77, 2, 0x00FF00, 0xFF0000)


def indexed(flags: int) -> bytes:
    reference = struct.pack("<Q", 77) if flags & SpiceBitmapFlags.PAL_FROM_CACHE else b"EXTR"
    data = b"\x40"
    body = bitmap(data, SpiceBitmapFmt.BIT1_BE, flags=flags) + reference + data
    return descriptor(SpiceImageType.BITMAP) + body


def test_palettes_are_kept_until_they_are_to_be_forgotten() -> None:
    kept = copy_of(indexed(SpiceBitmapFlags.PAL_CACHE_ME), 2, 1, extra=PALETTE)
    again = copy_of(indexed(SpiceBitmapFlags.PAL_FROM_CACHE), 2, 1)
    black = FILL, fill_body(8, 4, 0)
    channel = shown([create(), kept, black, again])
    assert (pixel(channel, 0, 0), pixel(channel, 1, 0)) == ((0, 255, 0), (255, 0, 0))
    for forget in (
        (SpiceMsgDisplay.INVAL_PALETTE, struct.pack("<Q", 77)),
        (SpiceMsgDisplay.INVAL_ALL_PALETTES, b""),
        (SpiceMsgDisplay.RESET, b""),
    ):
        assert "palette 0x4d should be in our cache" in refused([create(), kept, forget, again])


def test_a_reset_makes_the_screen_black() -> None:
    messages = [*screen_script(8, 4, 0xFFFFFF), (SpiceMsgDisplay.RESET, b"")]
    assert pixel(shown(messages), 3, 3) == (0, 0, 0)


def test_a_mode_of_an_old_server_is_a_screen() -> None:
    mode = SpiceMsgDisplay.MODE, struct.pack("<III", 20, 10, 32)
    channel = shown([mode, (FILL, fill_body(20, 10, 0x010203))])
    assert channel.drawing.surfaces[0].width == 20
    assert pixel(channel, 19, 9) == (1, 2, 3)


@pytest.mark.parametrize(
    ("form", "colour", "seen"),
    [
        (SpiceSurfaceFmt.RGB16_555, 0b11111_00000_00001, (255, 0, 8)),
        (SpiceSurfaceFmt.RGB16_565, 0b00000_111111_00001, (0, 255, 8)),
        (SpiceSurfaceFmt.XRGB32, 0x123456, (0x12, 0x34, 0x56)),
        (SpiceSurfaceFmt.ARGB32, 0x80123456, (0x12, 0x34, 0x56)),
    ],
)
def test_a_colour_is_written_as_the_surface_has_it(
    form: int, colour: int, seen: tuple[int, ...]
) -> None:
    assert pixel(shown([create(form=form), (FILL, fill_body(8, 4, colour))]), 0, 0) == seen


def test_surfaces_come_and_go() -> None:
    gone = SpiceMsgDisplay.SURFACE_DESTROY, struct.pack("<I", 3)
    shared = copy_of(descriptor(SpiceImageType.SURFACE) + struct.pack("<I", 3), 2, 1)
    drawn = copy_of(plain(), 2, 1, surface=3)
    channel = shown([create(), create(3, 2, 1), drawn, shared])
    assert pixel(channel, 1, 0) == (0, 0, 255)
    assert "there is no surface 3" in refused([create(), create(3), gone, shared])
    assert "there is no surface 3" in refused([create(), drawn])


def test_a_surface_can_be_drawn_onto_itself() -> None:
    head = base_body(1, 0, 8, 1)
    offset = len(head) + 4 + 16 + 3 + len(NO_MASK)
    body = head + struct.pack("<I", offset) + struct.pack("<4i", 0, 0, 1, 7)
    body += struct.pack("<HB", SpiceRopd.OP_PUT, 1) + NO_MASK
    itself = body + descriptor(SpiceImageType.SURFACE, 8, 4) + struct.pack("<I", 0)
    channel = shown([create(), copy_of(plain(), 2, 1), (COPY, itself)])
    seen = [pixel(channel, x, 0)[0] for x in range(4)]
    assert seen == [255, 255, 0, 0]


def test_motion_jpeg_is_drawn_and_other_video_is_noted() -> None:
    image = io.BytesIO()
    Image.new("RGB", (4, 2), (250, 0, 0)).save(image, "JPEG", quality=95)
    frame = image.getvalue()
    where = struct.pack("<4i", 0, 0, 4, 8) + b"\0"

    def stream(codec: int) -> tuple[int, bytes]:
        sizes = struct.pack("<IIBBQIIII", 0, 1, 1, codec, 0, 4, 2, 4, 2)
        return SpiceMsgDisplay.STREAM_CREATE, sizes + where

    data = SpiceMsgDisplay.STREAM_DATA, struct.pack("<III", 1, 0, len(frame)) + frame
    clip = SpiceMsgDisplay.STREAM_CLIP, struct.pack("<IBIiiii", 1, 1, 1, 0, 0, 4, 2)
    gone = SpiceMsgDisplay.STREAM_DESTROY, struct.pack("<I", 1)
    channel = shown([create(), stream(1), data])
    assert pixel(channel, 4, 2)[0] > 200
    channel = shown([create(), stream(1), clip, data, gone])
    assert pixel(channel, 1, 1)[0] > 200
    assert pixel(channel, 4, 2) == (0, 0, 0)
    channel = shown([create(), stream(2), data, (SpiceMsgDisplay.STREAM_DESTROY_ALL, b"")])
    assert channel.notes == ["a part of the screen is a video of codec 2, which is not drawn"]
    assert "there is no stream 1" in refused([create(), stream(1), gone, data])
    broken = SpiceMsgDisplay.STREAM_DATA, struct.pack("<III", 1, 0, 3) + b"abc"
    assert "could not be decoded" in shown([create(), stream(1), broken]).notes[0]


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([create(width=0)], "0x4 pixels are no picture"),
        ([create(width=16_385)], "16385x4 pixels"),
        ([create(width=16_000, height=16_000)], "16000x16000 pixels"),
        ([create(form=7)], "7 is no format of surfaces"),
        ([create(index, 8192, 4096) for index in range(3)], "more than we hold"),
        ([create(index, 1, 1) for index in range(1025)], "1025 surfaces"),
        ([create(), copy_of(descriptor(99), 2, 1)], "99 is no type of images"),
        ([create(), copy_of(descriptor(0, 0, 5), 2, 1)], "0x5 pixels are no picture"),
        ([create(), (FILL, fill_body(8, 4, 0)[:-20])], "ends"),
        (
            [create(), (FILL, struct.pack("<IiiiiBI", 0, 0, 0, 1, 1, 1, MAX_CLIP_RECTS + 1))],
            "clip rectangles are more than",
        ),
        ([create(), (FILL, struct.pack("<IiiiiB", 0, 0, 0, 1, 1, 9))], "9 is no type of clips"),
        ([(SpiceMsgDisplay.MONITORS_CONFIG, struct.pack("<HH", 65, 0))], "65 monitors"),
        ([(SpiceMsgDisplay.MODE, struct.pack("<III", 1, 1, 24))], "24 bits per pixel"),
    ],
)
def test_what_cannot_be_is_refused(messages: Said, words: str) -> None:
    assert words in refused(messages)


def test_a_cache_that_would_grow_too_large_is_the_servers_fault() -> None:
    side = 2048
    data = struct.pack("<BBIII", 2, 4, side, side, side // 8) + b"EXTR" + bytes(side * side // 8)
    messages: Said = [create()]
    for identity in range(2):
        head = descriptor(
            SpiceImageType.BITMAP, side, side, identity=identity, flags=SpiceImageFlags.CACHE_ME
        )
        messages.append(copy_of(head + data, 8, 4, extra=PALETTE))
    assert side * side == GLZ_WINDOW_PIXELS
    assert "our cache would hold more than" in refused(messages)


def test_an_operator_of_composition_that_nobody_knows_is_named() -> None:
    head = base_body(0, 0, 2, 1)
    offset = len(head) + 4 + 4 + 8
    body = head + struct.pack("<II", 0x30, offset) + bytes(8) + plain()
    assert "48 is no operator of composition" in refused(
        [create(), (SpiceMsgDisplay.DRAW_COMPOSITE, body)]
    )


OPERATIONS = [
    SpiceRopd.OP_PUT,
    SpiceRopd.OP_OR,
    SpiceRopd.OP_AND,
    SpiceRopd.OP_XOR,
    SpiceRopd.OP_BLACKNESS,
    SpiceRopd.OP_WHITENESS,
    SpiceRopd.OP_INVERS,
]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("inversions", range(16))
def test_rop_descriptors_are_truth_tables(operation: SpiceRopd, inversions: int) -> None:
    bits = operation | inversions & 7 | (SpiceRopd.INVERS_RES if inversions & 8 else 0)
    table = ternary_of(bits, SOURCE, DESTINATION)
    for s in (0, 1):
        for d in (0, 1):
            first, second = s ^ (inversions & 1), d ^ (inversions >> 2 & 1)
            expected = {
                SpiceRopd.OP_PUT: first,
                SpiceRopd.OP_OR: first | second,
                SpiceRopd.OP_AND: first & second,
                SpiceRopd.OP_XOR: first ^ second,
            }.get(operation)
            if expected is None:
                expected = {
                    SpiceRopd.OP_BLACKNESS: 0,
                    SpiceRopd.OP_WHITENESS: 1,
                    SpiceRopd.OP_INVERS: 1 - d,
                }[operation]
            else:
                expected ^= inversions >> 3
            for p in (0, 1):
                assert table >> (p << 2 | s << 1 | d) & 1 == expected


@given(
    code=st.integers(0, 255), p=st.integers(0, 255), s=st.integers(0, 255), d=st.integers(0, 255)
)
def test_ternary_operations_work_on_each_bit_alone(code: int, p: int, s: int, d: int) -> None:
    result = combine(code, p, s, d, 255)
    for bit in range(8):
        index = (p >> bit & 1) << 2 | (s >> bit & 1) << 1 | (d >> bit & 1)
        assert result >> bit & 1 == code >> index & 1


def test_an_operation_uses_what_changes_it() -> None:
    assert [uses(SOURCE, one) for one in (PATTERN, SOURCE, DESTINATION)] == [False, True, False]
    assert [uses(0xB8, one) for one in (PATTERN, SOURCE, DESTINATION)] == [True, True, True]
    assert not any(uses(0xFF, one) for one in (PATTERN, SOURCE, DESTINATION))


def cursor_after(*messages: tuple[int, bytes]) -> Cursor:
    channel, end = play("cursor", join(list(messages)))
    assert isinstance(channel, CursorChannel)
    assert end.message == "a tape closed the connection", end
    return channel.cursor


def cursor_set(
    kind: int, data: bytes, *, flags: int = 0, width: int = 2, height: int = 2
) -> tuple[int, bytes]:
    head = struct.pack("<hhBH", 7, -3, 1, flags)
    header = struct.pack("<QBHHHH", 42, kind, width, height, 1, 0)
    return SpiceMsgCursor.SET, head + header + data


CLEAR, GREY = (0, 0, 0, 0), (128, 128, 128, 128)


@pytest.mark.parametrize(
    ("kind", "data", "seen"),
    [
        (
            SpiceCursorType.ALPHA,
            bytes(range(16)),
            [(2, 1, 0, 3), (6, 5, 4, 7), (10, 9, 8, 11), (14, 13, 12, 15)],
        ),
        (
            SpiceCursorType.MONO,
            b"\x00\xc0" + b"\x40\x40",
            [(0, 0, 0, 255), (255, 255, 255, 255), CLEAR, GREY],
        ),
        (
            SpiceCursorType.COLOR4,
            b"\x01\x21" + struct.pack("<16I", 0, 0x102030, 0xFFFFFF, *[0] * 13) + b"\x00\x80",
            [(0, 0, 0, 255), (16, 32, 48, 255), GREY, (16, 32, 48, 255)],
        ),
        (
            SpiceCursorType.COLOR8,
            b"\0\1\2\1" + struct.pack("<256I", 0, 0x102030, 0xFFFFFF, *[0] * 253) + b"\x00\xc0",
            [(0, 0, 0, 255), (16, 32, 48, 255), GREY, CLEAR],
        ),
        (
            SpiceCursorType.COLOR16,
            struct.pack("<4H", 0, 0x7C00, 0x7FFF, 0x001F) + b"\x00\x80",
            [(0, 0, 0, 255), (255, 0, 0, 255), GREY, (0, 0, 255, 255)],
        ),
        (
            SpiceCursorType.COLOR24,
            bytes(range(12)) + b"\x00\x40",
            [(2, 1, 0, 255), (5, 4, 3, 255), (8, 7, 6, 255), CLEAR],
        ),
        (
            SpiceCursorType.COLOR32,
            bytes(range(16)) + b"\x00\x40",
            [(2, 1, 0, 255), (6, 5, 4, 255), (10, 9, 8, 255), CLEAR],
        ),
    ],
)
def test_cursors_of_each_kind(kind: int, data: bytes, seen: list[tuple[int, ...]]) -> None:
    cursor = cursor_after(cursor_set(kind, data))
    assert (cursor.x, cursor.y, cursor.visible) == (7, -3, True)
    assert (cursor.width, cursor.height, cursor.hot_x, cursor.hot_y) == (2, 2, 1, 0)
    assert cursor.picture is not None
    assert [cursor.picture.pixel(x, y) for y in range(2) for x in range(2)] == seen


def test_a_cursor_is_remembered_until_it_is_to_be_forgotten() -> None:
    kept = cursor_set(SpiceCursorType.ALPHA, bytes(16), flags=SpiceCursorFlags.CACHE_ME)
    none = SpiceMsgCursor.SET, struct.pack("<hhBH", 0, 0, 0, SpiceCursorFlags.NONE)
    again = SpiceMsgCursor.SET, struct.pack("<hhBHQ", 9, 9, 1, SpiceCursorFlags.FROM_CACHE, 42)
    assert cursor_after(kept, none).picture is None
    assert cursor_after(kept, none, again).width == 2
    for forget in (
        (SpiceMsgCursor.INVAL_ONE, struct.pack("<Q", 42)),
        (SpiceMsgCursor.INVAL_ALL, b""),
        (SpiceMsgCursor.RESET, b""),
    ):
        _, end = play("cursor", join([kept, forget, again]))
        assert "cursor 0x2a should be in our cache" in end.message


def test_a_cursor_moves_and_hides() -> None:
    shape = cursor_set(SpiceCursorType.ALPHA, bytes(16))
    trail = SpiceMsgCursor.TRAIL, struct.pack("<HH", 3, 4)
    hide = SpiceMsgCursor.HIDE, b""
    move = SpiceMsgCursor.MOVE, struct.pack("<hh", 11, 12)
    assert not cursor_after(shape, trail, hide).visible
    moved = cursor_after(shape, hide, move)
    assert (moved.x, moved.y, moved.visible) == (11, 12, True)


@pytest.mark.parametrize(
    ("kind", "width", "words"),
    [(7, 2, "7 is no type of cursors"), (0, 2000, "a cursor of 2000x2"), (0, 3, "ends 8 bytes")],
)
def test_a_cursor_that_cannot_be_is_refused(kind: int, width: int, words: str) -> None:
    _, end = play("cursor", join([cursor_set(kind, bytes(16), width=width)]))
    assert isinstance(end, ProbeError)
    assert words in end.message
