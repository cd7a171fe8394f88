"""The encodings of images, on data made here: what servers never send, and what cannot be."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from charly_vm.probe.spice.codecs.bitmap import BITS, INDEXED, decode_bitmap
from charly_vm.probe.spice.codecs.glz import GlzWindow, decode_glz, inflate
from charly_vm.probe.spice.codecs.jpeg import decode_jpeg, decode_jpeg_alpha
from charly_vm.probe.spice.codecs.lz import LzImageType, decode_lz
from charly_vm.probe.spice.codecs.lz4 import decode_lz4
from charly_vm.probe.spice.codecs.quic import decode_quic
from charly_vm.probe.spice.codecs.quic_model import family
from charly_vm.probe.spice.colours import widen_555, widen_565, widen_row_555
from charly_vm.probe.spice.protocol.drawing import SpiceBitmapFmt
from charly_vm.probe.spice.raster import Raster


def pixels(raster: Raster) -> bytes:
    """From the top left on, four bytes each."""
    rows = (raster.row(y, 0, raster.width) for y in range(raster.height))
    return b"".join(map(bytes, rows))


PALETTE = [0x010203, 0x112233, 0x445566, 0x778899]


def pixel(colour: int, alpha: int = 0) -> bytes:
    return colour.to_bytes(3, "little") + bytes([alpha])


@pytest.mark.parametrize("top_down", [True, False])
@pytest.mark.parametrize(
    ("form", "rows", "colours"),
    [
        (SpiceBitmapFmt.BIT1_LE, [b"\x05", b"\x02"], [[1, 0, 1], [0, 1, 0]]),
        (SpiceBitmapFmt.BIT1_BE, [b"\xa0", b"\x40"], [[1, 0, 1], [0, 1, 0]]),
        (SpiceBitmapFmt.BIT4_LE, [b"\x21\x03", b"\x30\x01"], [[1, 2, 3], [0, 3, 1]]),
        (SpiceBitmapFmt.BIT4_BE, [b"\x12\x30", b"\x03\x10"], [[1, 2, 3], [0, 3, 1]]),
        (SpiceBitmapFmt.BIT8, [b"\1\2\3", b"\0\3\1"], [[1, 2, 3], [0, 3, 1]]),
    ],
)
def test_indexed_bitmaps(
    form: SpiceBitmapFmt, rows: list[bytes], colours: list[list[int]], top_down: bool
) -> None:
    stored = rows if top_down else rows[::-1]
    stride = len(rows[0]) + 1
    data = b"".join(row.ljust(stride, b"\xee") for row in stored)
    raster = decode_bitmap(memoryview(data), form, 3, 2, stride, top_down=top_down, palette=PALETTE)
    assert pixels(raster) == b"".join(pixel(PALETTE[one]) for row in colours for one in row)


@pytest.mark.parametrize(
    ("form", "data", "expected"),
    [
        (SpiceBitmapFmt.BIT16, b"\x00\x7c\x1f\x80", pixel(0xFF0000) + pixel(0x0000FF)),
        (SpiceBitmapFmt.BIT24, b"\1\2\3\4\5\6", b"\1\2\3\0\4\5\6\0"),
        (SpiceBitmapFmt.BIT32, bytes(range(8)), bytes(range(8))),
        (SpiceBitmapFmt.RGBA, bytes(range(8)), bytes(range(8))),
        (SpiceBitmapFmt.BIT8_A, b"\x10\x20", b"\0\0\0\x10\0\0\0\x20"),
    ],
)
def test_other_bitmaps(form: SpiceBitmapFmt, data: bytes, expected: bytes) -> None:
    raster = decode_bitmap(memoryview(data), form, 2, 1, len(data), top_down=True)
    assert pixels(raster) == expected
    assert raster.alpha == (form in (SpiceBitmapFmt.RGBA, SpiceBitmapFmt.BIT8_A))


@pytest.mark.parametrize("form", BITS)
def test_a_bitmap_that_is_too_short_is_refused(form: SpiceBitmapFmt) -> None:
    stride = (9 * BITS[form] + 7) // 8
    for size, rows in ((stride - 1, stride - 1), (stride * 4 - 1, stride)):
        with pytest.raises(ValueError, match=r"too short|too few"):
            decode_bitmap(memoryview(bytes(size)), form, 9, 4, rows, top_down=True, palette=PALETTE)


@pytest.mark.parametrize("form", sorted(INDEXED))
def test_an_index_needs_a_colour(form: SpiceBitmapFmt) -> None:
    data = memoryview(b"\xff" * 4)
    with pytest.raises(ValueError, match="no palette"):
        decode_bitmap(data, form, 1, 1, 4, top_down=True)
    with pytest.raises(ValueError, match="palette of 1 lacks"):
        decode_bitmap(data, form, 1, 1, 4, top_down=True, palette=[1])


def test_five_and_six_bits_fill_eight() -> None:
    assert widen_555(0x7FFF) == widen_565(0xFFFF) == 0xFFFFFF
    assert widen_555(0b10000_00001_00000) == 0x840800
    assert widen_565(0b00000_100000_00000) == 0x008200
    assert widen_row_555(struct.pack("<H", 0x7C00)) == pixel(0xFF0000)


def lz_header(kind: LzImageType, width: int, height: int, stride: int, top_down: int = 1) -> bytes:
    return struct.pack(">4s6I", b"  ZL", 0x10001, kind, width, height, stride, top_down)


def test_lz_copies_what_it_has() -> None:
    # Two pixels as they are, the second of them five times more, and all seven once more.
    body = b"\1" + b"abc" + b"def" + bytes([5 << 5, 0]) + bytes([7 << 5, 0, 6])
    data = lz_header(LzImageType.RGB32, 7, 2, 28) + body
    row = b"abc\0" + b"def\0" * 6
    assert pixels(decode_lz(memoryview(data), 7, 2)) == row * 2


def test_lz_has_long_distances_and_lengths() -> None:
    width, height = 1000, 20
    first = b"".join(bytes([31]) + bytes(range(96)) for _ in range(1)) + bytes([0]) + b"xyz"
    count = 33
    body = first
    # 8300 pixels of one colour, by lengths of more than a byte.
    run = 8300
    extra = run - 7
    body += bytes([7 << 5]) + b"\xff" * (extra // 255) + bytes([extra % 255, 0])
    count += run
    # The first 32 pixels again, from further away than 8191 pixels.
    distance = count - 1 - 8191
    body += bytes([7 << 5 | 31, 32 - 7, 255]) + struct.pack(">H", distance)
    count += 32
    rest = width * height - count
    extra = rest - 7
    body += bytes([7 << 5]) + b"\xff" * (extra // 255) + bytes([extra % 255, 0])
    data = lz_header(LzImageType.RGB32, width, height, width * 4) + body
    result = pixels(decode_lz(memoryview(data), width, height))
    assert result[: 32 * 4] == result[(33 + 8300) * 4 : (33 + 8300 + 32) * 4]
    assert result[33 * 4 : 34 * 4] == b"xyz\0"


def test_lz_indexes_and_flips() -> None:
    body = b"\1" + b"\x1b\xe4"
    data = lz_header(LzImageType.PLT4_BE, 2, 2, 1, top_down=0) + body
    palette = list(range(16))
    expected = b"".join(map(pixel, (0xE, 0x4, 0x1, 0xB)))
    assert pixels(decode_lz(memoryview(data), 2, 2, palette)) == expected


def test_lz_has_alpha_in_a_second_run() -> None:
    data = lz_header(LzImageType.RGBA, 2, 1, 8) + b"\1abcdef" + b"\1\x10\x20"
    raster = decode_lz(memoryview(data), 2, 1)
    assert pixels(raster) == b"abc\x10def\x20"
    assert raster.alpha


def glz_header(
    kind: LzImageType, width: int, height: int, identity: int, back: int, top_down: int = 1
) -> bytes:
    size = width, height, width * 4
    return struct.pack(">4sIB3IQI", b"  ZL", 0x10001, kind | top_down << 4, *size, identity, back)


def test_glz_copies_from_other_images() -> None:
    window = GlzWindow(1000)
    first = glz_header(LzImageType.RGB32, 4, 1, 7, 0) + b"\3abcdefghijkl"
    decode_glz(memoryview(first), 4, 1, window)
    # Two pixels of the image before, from its second on, then twice the last of these.
    body = bytes([2 << 5 | 1, 0, 1]) + bytes([2 << 5, 0, 0])
    second = glz_header(LzImageType.RGB32, 4, 1, 8, 1) + body
    assert pixels(decode_glz(memoryview(second), 4, 1, window)) == b"def\0ghi\0ghi\0ghi\0"


def test_a_glz_window_forgets_what_is_too_old() -> None:
    window = GlzWindow(1000)
    for identity in range(3):
        data = glz_header(LzImageType.RGB32, 4, 1, identity, min(identity, 1))
        decode_glz(memoryview(data + b"\3abcdefghijkl"), 4, 1, window)
    data = glz_header(LzImageType.RGB32, 4, 1, 3, 1) + bytes([4 << 5, 0, 3])
    with pytest.raises(ValueError, match="image 0, which is not in the window"):
        decode_glz(memoryview(data), 4, 1, window)


def test_a_glz_window_is_bounded() -> None:
    window = GlzWindow(7)
    data = glz_header(LzImageType.RGB32, 4, 1, 1, 1) + b"\3abcdefghijkl"
    decode_glz(memoryview(data), 4, 1, window)
    data = glz_header(LzImageType.RGB32, 4, 1, 2, 2) + b"\3abcdefghijkl"
    with pytest.raises(ValueError, match="more than 7 pixels"):
        decode_glz(memoryview(data), 4, 1, window)


def test_zlib_gives_no_more_than_was_asked_for() -> None:
    bomb = zlib.compress(bytes(10_000_000))
    assert inflate(memoryview(bomb), 100) == bytes(100)
    with pytest.raises(ValueError, match="came out of zlib"):
        inflate(memoryview(zlib.compress(b"abc")), 100)
    with pytest.raises(ValueError, match="cannot read"):
        inflate(memoryview(b"nonsense"), 100)


def lz4_block(data: bytes) -> bytes:
    """A block of literals alone."""
    count = len(data)
    if count < 15:
        return bytes([count << 4]) + data
    rest = count - 15
    return bytes([0xF0]) + b"\xff" * (rest // 255) + bytes([rest % 255]) + data


def test_lz4_blocks_refer_to_each_other() -> None:
    first = lz4_block(bytes(range(16)))
    # Four bytes from sixteen back, and then eight that repeat these.
    second = bytes([0x00]) + struct.pack("<H", 16) + bytes([0x04]) + struct.pack("<H", 4)
    second += lz4_block(b"last")
    data = b"\1\x08"
    for block in (first, second):
        data += struct.pack(">I", len(block)) + block
    expected = bytes(range(16)) + bytes(range(4)) * 3 + b"last"
    assert pixels(decode_lz4(memoryview(data), 4, 2)) == expected


@pytest.mark.parametrize("form", [6, 7, 8, 9])
def test_lz4_has_four_formats(form: int) -> None:
    size = {6: 2, 7: 3, 8: 4, 9: 4}[form]
    block = lz4_block(bytes(size * 6))
    data = bytes([0, form]) + struct.pack(">I", len(block)) + block
    assert pixels(decode_lz4(memoryview(data), 3, 2)) == bytes(24)


def jpeg(width: int, height: int) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (width, height), (200, 100, 50)).save(written, "JPEG", quality=95)
    return written.getvalue()


def test_jpeg_is_near_its_colour() -> None:
    raster = decode_jpeg(memoryview(jpeg(8, 8)), 8, 8)
    blue, green, red, _ = pixels(raster)[:4]
    assert (red, green, blue) == pytest.approx((200, 100, 50), abs=4)


@pytest.mark.parametrize("top_down", [0, 1])
def test_jpeg_has_its_alpha_beside_it(top_down: int) -> None:
    colours = jpeg(8, 2)
    alpha = lz_header(LzImageType.XXXA, 8, 2, 32, top_down) + b"\x0f" + bytes(range(16))
    raster = decode_jpeg_alpha(memoryview(colours + alpha), len(colours), 8, 2)
    rows = [bytes(range(8)), bytes(range(8, 16))]
    assert pixels(raster)[3::4] == b"".join(rows if top_down else rows[::-1])


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", jpeg(9, 8), jpeg(8, 8)[:40]])
def test_what_is_no_jpeg_of_that_size_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"JPEG|inside"):
        decode_jpeg(memoryview(data), 8, 8)


def test_a_family_of_codes_is_complete() -> None:
    """Each beginning of the input is the beginning of exactly one word of each code."""
    for bits in (5, 8):
        codes = family(bits)
        for code in range(bits):
            total = sum(2.0 ** -codes.lengths[value][code] for value in range(1 << bits))
            assert total <= 1
            seen = {codes.long_word(code, word << 12)[1] for word in range(0, 1 << 20, 7)}
            assert max(seen) < 1 << bits
        assert len(codes.unfolded) == len(set(codes.unfolded)) == 1 << bits


def test_buckets_double() -> None:
    assert [family(8).buckets.count(index) for index in range(8)] == [1, 2, 4, 8, 16, 32, 64, 129]
    assert [family(5).buckets.count(index) for index in range(5)] == [1, 2, 4, 8, 17]


def test_a_quic_image_of_nothing_but_zeros() -> None:
    """Words of zeros are values as they are: all bits of the first pixel's three words."""
    data = struct.pack("<4s4I", b"QUIC", 0, 4, 1, 1) + bytes(16)
    assert len(pixels(decode_quic(memoryview(data), 1, 1))) == 4


DECODERS: list[Callable[[memoryview, int, int], Raster]] = [
    decode_lz,
    decode_lz4,
    decode_jpeg,
    decode_quic,
    lambda data, width, height: decode_glz(data, width, height, GlzWindow(10_000)),
]

HEADERS = [
    b"",
    b"\1\x08",
    *(lz_header(kind, 6, 5, 24) for kind in LzImageType),
    *(glz_header(kind, 6, 5, 1, 0) for kind in LzImageType),
    *(struct.pack("<4s4I", b"QUIC", 0, kind, 6, 5) for kind in range(7)),
]


@given(
    index=st.integers(0, len(DECODERS) - 1),
    header=st.sampled_from(HEADERS),
    seed=st.integers(0, 2**32),
    size=st.integers(0, 200),
    zeros=st.booleans(),
)
def test_noise_is_an_image_or_an_error(
    index: int, header: bytes, seed: int, size: int, zeros: bool
) -> None:
    body = bytes(size) if zeros else random.Random(seed).randbytes(size)
    try:
        raster = DECODERS[index](memoryview(header + body), 6, 5)
    except ValueError:
        return
    assert len(pixels(raster)) == 6 * 5 * 4
