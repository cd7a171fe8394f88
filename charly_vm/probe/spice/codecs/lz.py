"""LZ_RGB and LZ_PLT: pixels, and copies of what came before in the same image.

The format is FastLZ's, on pixels instead of bytes. A control byte below 32 announces that many
pixels and one more; any other is a copy: 3 bits of length, 5 bits of distance, more bytes of both
as needed. Alpha comes as a second run over the image. The header's numbers are big-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from charly_vm.probe.spice.codecs.bitmap import look_up
from charly_vm.probe.spice.codecs.indexed import expand_bits, expand_nibbles
from charly_vm.probe.spice.codecs.units import (
    BYTES,
    COLOURS,
    ENDS_EARLY,
    SIXTEEN,
    Unit,
    copy_within,
    read_length,
    take,
)
from charly_vm.probe.spice.raster import Raster, packed

MAGIC = b"  ZL"
VERSION = 0x10001
_HEADER = struct.Struct(">4s6I")

_NEAR = 8191
"""Pixels; a copy from further away has its distance in two bytes of its own."""


class LzImageType(IntEnum):
    """What is compressed: `LzImageType` of the reference implementation."""

    PLT1_LE = 1
    PLT1_BE = 2
    PLT4_LE = 3
    PLT4_BE = 4
    PLT8 = 5
    RGB16 = 6
    RGB24 = 7
    RGB32 = 8
    RGBA = 9
    XXXA = 10
    A8 = 11


_PER_BYTE = {
    LzImageType.PLT1_LE: 8,
    LzImageType.PLT1_BE: 8,
    LzImageType.PLT4_LE: 2,
    LzImageType.PLT4_BE: 2,
    LzImageType.PLT8: 1,
}


@dataclass(frozen=True, slots=True)
class _Header:
    type: LzImageType
    width: int
    height: int
    stride: int
    top_down: bool


def decode_lz(data: memoryview, width: int, height: int, palette: Sequence[int] = ()) -> Raster:
    """An image of LZ_RGB or LZ_PLT; raises ValueError for data that cannot be."""
    header = _read_header(data, width, height)
    body = data[_HEADER.size :]
    top_down = header.top_down
    if header.type in _PER_BYTE:
        return _decode_indexed(header, body, tuple(palette))
    count = width * height
    if header.type in (LzImageType.XXXA, LzImageType.A8):
        pixels = bytearray(count * 4)
        pixels[3::4], _ = _expand(body, 0, count, BYTES)
        return packed(width, height, pixels, alpha=True, top_down=top_down)
    unit = SIXTEEN if header.type == LzImageType.RGB16 else COLOURS
    pixels, position = _expand(body, 0, count, unit)
    if header.type == LzImageType.RGBA:
        pixels[3::4], _ = _expand(body, position, count, BYTES)
    return packed(width, height, pixels, alpha=header.type == LzImageType.RGBA, top_down=top_down)


def decode_lz_alpha(data: memoryview, width: int, height: int) -> tuple[bytes, bool]:
    """The alpha of an image whose colours come otherwise, and whether it runs from the top."""
    header = _read_header(data, width, height)
    if header.type not in (LzImageType.XXXA, LzImageType.A8):
        raise ValueError(f"its alpha is of type {header.type.name}")
    alpha, _ = _expand(data[_HEADER.size :], 0, width * height, BYTES)
    return bytes(alpha), header.top_down


def _read_header(data: memoryview, width: int, height: int) -> _Header:
    if len(data) < _HEADER.size:
        raise ValueError("it ends within its header")
    magic, version, kind, own_width, own_height, stride, top_down = _HEADER.unpack_from(data)
    if magic != MAGIC or version != VERSION:
        raise ValueError("it does not begin as LZ does")
    if (own_width, own_height) != (width, height):
        raise ValueError(f"it says {own_width}x{own_height} inside and {width}x{height} outside")
    return _Header(LzImageType(kind), width, height, stride, bool(top_down))


def _decode_indexed(header: _Header, body: memoryview, palette: tuple[int, ...]) -> Raster:
    width, height, stride = header.width, header.height, header.stride
    per_byte = _PER_BYTE[header.type]
    needed = (width + per_byte - 1) // per_byte
    if not needed <= stride <= needed + 8:
        raise ValueError(f"rows of {stride} bytes cannot be of {width} pixels")
    if not palette:
        raise ValueError("it has no palette")
    indices, _ = _expand(body, 0, stride * height, BYTES)
    rows = []
    for index in range(height):
        row = indices[index * stride : index * stride + needed]
        if per_byte == 8:
            row[:] = expand_bits(row, width, high_first=header.type == LzImageType.PLT1_BE)
        elif per_byte == 2:
            row[:] = expand_nibbles(row, width, high_first=header.type == LzImageType.PLT4_BE)
        rows.append(look_up(row, palette))
    return packed(width, height, b"".join(rows), top_down=header.top_down)


def _expand(data: memoryview, position: int, count: int, unit: Unit) -> tuple[bytearray, int]:
    """`count` units out of the data from `position` on, and where it went on from there."""
    kept = unit.kept
    out = bytearray(count * kept)
    end = len(out)
    done = 0
    try:
        while done < end:
            control = data[position]
            position += 1
            if control < 32:
                length = control + 1
                position = take(data, position, length, unit, out, done)
            else:
                length, position = read_length(data, position, control, unit)
                distance = ((control & 31) << 8) + data[position]
                position += 1
                if distance == _NEAR:
                    distance += data[position] << 8 | data[position + 1]
                    position += 2
                copy_within(out, done, (distance + 1) * kept, length * kept)
            done += length * kept
    except IndexError as error:
        raise ValueError(ENDS_EARLY) from error
    return out, position
