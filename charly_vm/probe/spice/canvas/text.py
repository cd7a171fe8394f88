"""Glyphs: pictures of characters with 1, 4 or 8 bits of coverage; pure."""

from __future__ import annotations

from dataclasses import dataclass

from charly_vm.probe.spice.codecs.indexed import expand_bits, expand_nibbles
from charly_vm.probe.spice.draw_messages import WireBrush, read_brush
from charly_vm.probe.spice.geometry import Rect, read_point, read_rect
from charly_vm.probe.spice.limits import MAX_GLYPHS, MAX_LINE_PIXELS
from charly_vm.probe.spice.protocol.drawing import SpiceStringFlags
from charly_vm.probe.spice.reader import Reader


@dataclass(frozen=True, slots=True)
class Glyph:
    """A character's place on the surface and its rows, from the top."""

    box: Rect
    rows: list[bytes]
    """A byte of coverage per pixel."""


@dataclass(frozen=True, slots=True)
class Text:
    glyphs: list[Glyph]
    back_area: Rect
    fore: WireBrush
    back: WireBrush


def read_text(reader: Reader) -> Text:
    """Raises `SpiceProtocolError`."""
    glyphs = _read_string(reader.at(reader.u32()))
    back_area = read_rect(reader)
    fore, back = read_brush(reader), read_brush(reader)
    # The modes make no sense for anything but putting, and nothing else is sent.
    reader.u16()
    reader.u16()
    return Text(glyphs, back_area, fore, back)


def coverage(glyphs: list[Glyph], area: Rect) -> bytes:
    """A byte per pixel of `area`: how much of it the glyphs cover."""
    plane = bytearray(area.width * area.height)
    for glyph in glyphs:
        part = glyph.box.intersect(area)
        if part.empty:
            continue
        for y in range(part.top, part.bottom):
            row = glyph.rows[y - glyph.box.top]
            row = row[part.left - glyph.box.left : part.right - glyph.box.left]
            begin = (y - area.top) * area.width + part.left - area.left
            there = plane[begin : begin + part.width]
            plane[begin : begin + part.width] = bytes(map(max, row, there)) if any(there) else row
    return bytes(plane)


def _read_string(reader: Reader) -> list[Glyph]:
    count, flags = reader.u16(), reader.u8()
    reader.count(count, 20, MAX_GLYPHS, "glyphs")
    left = MAX_LINE_PIXELS
    glyphs = []
    for _ in range(count):
        glyph = _read_glyph(reader, flags, left)
        left -= glyph.box.area
        glyphs.append(glyph)
    return glyphs


def _read_glyph(reader: Reader, flags: int, left: int) -> Glyph:
    place, origin = read_point(reader), read_point(reader)
    width, height = reader.u16(), reader.u16()
    if width * height > left:
        raise reader.error(f"its glyphs have more than {MAX_LINE_PIXELS} pixels")
    x, y = place.x + origin.x, place.y + origin.y
    if flags & SpiceStringFlags.RASTER_A1:
        lines = [reader.take((width + 7) // 8) for _ in range(height)]
        rows = [expand_bits(line, width, high_first=True).translate(_FULL) for line in lines]
    elif flags & SpiceStringFlags.RASTER_A4:
        lines = [reader.take((width + 1) // 2) for _ in range(height)]
        rows = [
            expand_nibbles(line, width, high_first=True).translate(_SIXTEENTHS) for line in lines
        ]
    elif flags & SpiceStringFlags.RASTER_A8:
        rows = [bytes(reader.take(width)) for _ in range(height)]
    else:
        raise reader.error("its glyphs have no format")
    if not flags & SpiceStringFlags.RASTER_TOP_DOWN:
        rows.reverse()
    return Glyph(Rect(x, y, x + width, y + height), rows)


_FULL = bytes([0, 255]) + bytes(254)
# Not quite opaque at its most, as every SPICE client draws it.
_SIXTEENTHS = bytes(value << 4 for value in range(16)) + bytes(240)
