"""Shapes of the mouse cursor, from all of the encodings that there are; pure.

But for alpha cursors a shape has a mask of one bit per pixel, rows of whole bytes, the leftmost
pixel the highest bit: the pixel is opaque where the bit is clear. Where it is set, black leaves
the screen as it is and white inverts it; no picture can say the latter, so it is shown as grey.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from charly_vm.probe.spice.codecs.bitmap import decode_bitmap
from charly_vm.probe.spice.codecs.indexed import expand_bits
from charly_vm.probe.spice.limits import MAX_CURSOR_SIDE
from charly_vm.probe.spice.picture import Picture
from charly_vm.probe.spice.protocol.devices import SpiceCursorType
from charly_vm.probe.spice.protocol.drawing import SpiceBitmapFmt
from charly_vm.probe.spice.reader import Reader

INVERTING = bytes((128, 128, 128, 128))
"""Red, green, blue and alpha of a pixel that inverts the screen."""

_CLEAR = bytes(4)
_BLACK, _WHITE = bytes((0, 0, 0, 255)), bytes((255, 255, 255, 255))

_COLOURED = {
    SpiceCursorType.COLOR4: (SpiceBitmapFmt.BIT4_BE, 4, 16),
    SpiceCursorType.COLOR8: (SpiceBitmapFmt.BIT8, 8, 256),
    SpiceCursorType.COLOR16: (SpiceBitmapFmt.BIT16, 16, 0),
    SpiceCursorType.COLOR24: (SpiceBitmapFmt.BIT24, 24, 0),
    SpiceCursorType.COLOR32: (SpiceBitmapFmt.BIT32, 32, 0),
}
"""The format of the colours, its bits per pixel, and how many colours a palette has."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A picture, and the pixel of it that points at the mouse's position."""

    hot_x: int
    hot_y: int
    picture: Picture


_HEADER = struct.Struct("<BHHHH")


def read_shape(reader: Reader) -> Shape:
    """A `CursorHeader` behind its identity, and its data. Raises `SpiceProtocolError`."""
    number, width, height, hot_x, hot_y = reader.fields(_HEADER)
    try:
        kind = SpiceCursorType(number)
    except ValueError as error:
        raise reader.error(f"{number} is no type of cursors") from error
    if not 0 < width <= MAX_CURSOR_SIDE or not 0 < height <= MAX_CURSOR_SIDE:
        raise reader.error(f"a cursor of {width}x{height} pixels cannot be")
    if kind == SpiceCursorType.ALPHA:
        pixels = _swapped(reader.take(width * height * 4))
    elif kind == SpiceCursorType.MONO:
        pixels = _mono(reader, width, height)
    else:
        pixels = _coloured(reader, kind, width, height)
    return Shape(hot_x, hot_y, Picture(width, height, pixels, alpha=True))


def _swapped(data: memoryview) -> bytes:
    """Blue, green, red, alpha as red, green, blue, alpha."""
    pixels = bytearray(data)
    pixels[0::4], pixels[2::4] = pixels[2::4], pixels[0::4]
    return bytes(pixels)


def _mono(reader: Reader, width: int, height: int) -> bytes:
    kept, flipped = _bits(reader, width, height), _bits(reader, width, height)
    shown = {(0, 0): _BLACK, (0, 1): _WHITE, (1, 0): _CLEAR, (1, 1): INVERTING}
    return b"".join(shown[pair] for pair in zip(kept, flipped, strict=True))


def _coloured(reader: Reader, kind: SpiceCursorType, width: int, height: int) -> bytes:
    form, bits, entries = _COLOURED[kind]
    stride = (width * bits + 7) // 8
    data = reader.take(stride * height)
    palette = struct.unpack(f"<{entries}I", reader.take(4 * entries))
    raster = decode_bitmap(data, form, width, height, stride, top_down=True, palette=palette)
    masked = _bits(reader, width, height)
    pixels = _swapped(raster.data)
    return b"".join(_shown(pixels, masked))


def _shown(pixels: bytes, masked: bytes) -> Iterable[bytes]:
    for index, mask in enumerate(masked):
        colour = pixels[index * 4 : index * 4 + 3]
        if not mask:
            yield colour + b"\xff"
        elif colour == b"\xff\xff\xff":
            yield INVERTING
        else:
            yield _CLEAR


def _bits(reader: Reader, width: int, height: int) -> bytes:
    stride = (width + 7) // 8
    rows = (reader.take(stride) for _ in range(height))
    return b"".join(expand_bits(row, width, high_first=True) for row in rows)
