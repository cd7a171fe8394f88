"""QUIC: each pixel is the difference from what its neighbours predict, in words of adaptive codes.

A pixel is predicted to be the average of those to its left and above it. Where the pixels above
repeat, and the last two did, too, a run follows instead. Colours are coded together, alpha in a
row of its own after each row of colours. The input is words of 32 bits, little-endian, whose
highest bit comes first.
"""

from __future__ import annotations

import struct
import sys
from array import array
from enum import IntEnum

from charly_vm.probe.spice.codecs.quic_model import (
    MAX_WAIT_INDEX,
    PEEK_BITS,
    Family,
    Pace,
    Statistics,
    family,
)
from charly_vm.probe.spice.colours import FIVE
from charly_vm.probe.spice.raster import Raster, packed

_MAGIC = b"QUIC"
_VERSION = 0
_HEADER = struct.Struct("<4s4I")


class QuicImageType(IntEnum):
    """What is compressed: `QuicImageType` of the reference implementation."""

    GRAY = 1
    RGB16 = 2
    RGB24 = 3
    RGB32 = 4
    RGBA = 5


def decode_quic(data: memoryview, width: int, height: int) -> Raster:
    """Raises ValueError for data that cannot be."""
    if len(data) < _HEADER.size:
        raise ValueError("it ends within its header")
    magic, version, kind, own_width, own_height = _HEADER.unpack_from(data)
    if magic != _MAGIC or version != _VERSION:
        raise ValueError("it does not begin as QUIC does")
    if (own_width, own_height) != (width, height):
        raise ValueError(f"it says {own_width}x{own_height} inside and {width}x{height} outside")
    image_type = QuicImageType(kind)
    bits = _Bits(data[_HEADER.size :])
    sixteen = image_type == QuicImageType.RGB16
    codes = family(5 if sixteen else 8)
    colours = _Coder(codes, 1 if image_type == QuicImageType.GRAY else 3, width, bits)
    alpha = _Coder(codes, 1, width, bits) if image_type == QuicImageType.RGBA else None
    pixels = bytearray(width * height * 4)
    size = width * 4
    try:
        for begin in range(0, len(pixels), size):
            planes = colours.next_row()
            # In the order in which they are coded: red, green, blue.
            for plane, place in zip(
                planes if len(planes) == 3 else planes * 3, _PLACES, strict=True
            ):
                row = bytes(plane)[1:]
                pixels[begin + place : begin + size : 4] = row.translate(_FIVES) if sixteen else row
            if alpha is not None:
                pixels[begin + 3 : begin + size : 4] = bytes(alpha.next_row()[0])[1:]
    except IndexError as error:
        raise ValueError("it ends before all of its pixels") from error
    return packed(width, height, pixels, alpha=alpha is not None)


_PLACES = (2, 1, 0)
_FIVES = FIVE + bytes(224)


class _Bits:
    """The input, bit by bit. `IndexError` at its end."""

    def __init__(self, data: memoryview) -> None:
        # The last word is looked at together with what would follow it.
        self.words = array("I", bytes(data[: len(data) // 4 * 4]) + bytes(16))
        if sys.byteorder == "big":
            self.words.byteswap()
        self.next = 0
        self.held = 0
        self.count = 0

    def peek(self, size: int) -> int:
        while self.count < size:
            self.held = (self.held & (1 << self.count) - 1) << 32 | self.words[self.next]
            self.next += 1
            self.count += 32
        return self.held >> self.count - size & (1 << size) - 1

    def take(self, size: int) -> int:
        found = self.peek(size)
        self.count -= size
        return found


class _Coder:
    """Decodes colours that are coded together, row by row.

    A row has one more element than pixels, in front: 0, which the first row's first pixel is
    predicted from. The `folded` values of a run stay those of the rows above, as the encoder has
    it.
    """

    def __init__(self, codes: Family, colours: int, width: int, bits: _Bits) -> None:
        self._family = codes
        self._width = width
        self._bits = bits
        self._pace = Pace()
        self._statistics = [Statistics(codes) for _ in range(colours)]
        self._folded = [[0] * (width + 1) for _ in range(colours)]
        self._rows: list[list[int]] = []

    def next_row(self) -> list[list[int]]:
        width, pace = self._width, self._pace
        first = not self._rows
        above = self._rows
        rows = [[0] * (width + 1) for _ in self._statistics]
        if first:
            # The first row has nothing above it: a pixel is predicted from the left alone.
            above = rows
        for folded in self._folded:
            folded[0] = 0 if first else folded[1]
        at = 0
        left = width
        part = self._three if len(rows) == 3 else self._one
        while pace.index < MAX_WAIT_INDEX and pace.left <= left:
            if pace.left:
                part(above, rows, at, at + pace.left, first)
                at += pace.left
                left -= pace.left
            pace.slow_down()
        if left:
            part(above, rows, at, width, first)
            if pace.index < MAX_WAIT_INDEX:
                pace.left -= left
        self._rows = rows
        return rows

    def _run_length(self) -> int:
        bits, pace = self._bits, self._pace
        length = 0
        while bits.take(1):
            length += pace.run_hit()
            if length > self._width:
                raise ValueError("a run goes beyond its row")
        if pace.run_bits:
            length += bits.take(pace.run_bits)
        pace.run_end()
        return length

    def _update(self, at: int) -> None:
        """Count the pixel at that element of the rows."""
        limit = self._pace.halve_above
        for statistics, folded in zip(self._statistics, self._folded, strict=True):
            statistics.update(folded[at - 1], folded[at], limit)

    def _three(
        self, above: list[list[int]], rows: list[list[int]], at: int, end: int, first: bool
    ) -> None:
        """Pixels from `at` up to `end` of three colours. Long, since calls would be slow."""
        bits, pace, codes = self._bits, self._pace, self._family
        r, g, b = rows
        above_r, above_g, above_b = above
        folded_r, folded_g, folded_b = self._folded
        stat_r, stat_g, stat_b = self._statistics
        tables_r, tables_g, tables_b = stat_r.tables, stat_g.tables, stat_b.tables
        buckets, unfolded = codes.buckets, codes.unfolded
        top = (1 << codes.bits) - 1
        words, following, held, count = bits.words, bits.next, bits.held, bits.count
        up = 0 if first else 1
        stop = at + pace.wait
        ran = 0
        while at < end:
            if (
                at > 2
                and not first
                and at != ran
                and above_r[at] == above_r[at + 1]
                and above_g[at] == above_g[at + 1]
                and above_b[at] == above_b[at + 1]
                and r[at] == r[at - 1]
                and g[at] == g[at - 1]
                and b[at] == b[at - 1]
            ):
                bits.next, bits.held, bits.count = following, held, count
                pace.wait = stop - at
                length = self._run_length()
                following, held, count = bits.next, bits.held, bits.count
                ran = at
                at += length
                if at > end:
                    raise ValueError("a run goes beyond its row")
                r[ran + 1 : at + 1] = [r[ran]] * length
                g[ran + 1 : at + 1] = [g[ran]] * length
                b[ran + 1 : at + 1] = [b[ran]] * length
                if at == end:
                    return
                stop = at + pace.wait
                continue
            if count < 80:
                held = (held & (1 << count) - 1) << 64 | words[following] << 32
                held |= words[following + 1]
                following += 2
                count += 64
            bucket = buckets[folded_r[at]]
            entry = tables_r[bucket][held >> count - PEEK_BITS & 4095]
            if entry:
                count -= entry >> 8
                value = entry & 255
            else:
                size, value = codes.long_word(stat_r.codes[bucket], held >> count - 32 & 0xFFFFFFFF)
                count -= size
            folded_r[at + 1] = value
            near = above_r[at + up]
            r[at + 1] = unfolded[value] + (r[at] + near >> 1 if at else near) & top

            bucket = buckets[folded_g[at]]
            entry = tables_g[bucket][held >> count - PEEK_BITS & 4095]
            if entry:
                count -= entry >> 8
                value = entry & 255
            else:
                size, value = codes.long_word(stat_g.codes[bucket], held >> count - 32 & 0xFFFFFFFF)
                count -= size
            folded_g[at + 1] = value
            near = above_g[at + up]
            g[at + 1] = unfolded[value] + (g[at] + near >> 1 if at else near) & top

            bucket = buckets[folded_b[at]]
            entry = tables_b[bucket][held >> count - PEEK_BITS & 4095]
            if entry:
                count -= entry >> 8
                value = entry & 255
            else:
                size, value = codes.long_word(stat_b.codes[bucket], held >> count - 32 & 0xFFFFFFFF)
                count -= size
            folded_b[at + 1] = value
            near = above_b[at + up]
            b[at + 1] = unfolded[value] + (b[at] + near >> 1 if at else near) & top

            at += 1
            if at > stop:
                self._update(at)
                stop = at + pace.next_wait()
        bits.next, bits.held, bits.count = following, held, count
        pace.wait = stop - end

    def _one(
        self, above: list[list[int]], rows: list[list[int]], at: int, end: int, first: bool
    ) -> None:
        """The same for one colour: alpha, or grey."""
        bits, pace, codes = self._bits, self._pace, self._family
        (row,), (above_row,), (folded,) = rows, above, self._folded
        (statistics,) = self._statistics
        top = (1 << codes.bits) - 1
        up = 0 if first else 1
        stop = at + pace.wait
        ran = 0
        while at < end:
            if (
                at > 2
                and not first
                and at != ran
                and above_row[at] == above_row[at + 1]
                and row[at] == row[at - 1]
            ):
                pace.wait = stop - at
                length = self._run_length()
                ran = at
                at += length
                if at > end:
                    raise ValueError("a run goes beyond its row")
                row[ran + 1 : at + 1] = [row[ran]] * length
                if at == end:
                    return
                stop = at + pace.wait
                continue
            bucket = codes.buckets[folded[at]]
            size, value = codes.long_word(statistics.codes[bucket], bits.peek(32))
            bits.count -= size
            folded[at + 1] = value
            near = above_row[at + up]
            row[at + 1] = codes.unfolded[value] + (row[at] + near >> 1 if at else near) & top
            at += 1
            if at > stop:
                self._update(at)
                stop = at + pace.next_wait()
        pace.wait = stop - end
