"""Colours of fewer bits, and how they become eight bits each; pure.

Five bits become eight by repeating the upper three, six by repeating the upper two.
"""

from __future__ import annotations

import sys
from array import array
from functools import cache

from charly_vm.probe.spice.protocol.drawing import SpiceSurfaceFmt
from charly_vm.probe.spice.raster import Raster, packed
from charly_vm.probe.spice.reader import Buffer

FIVE = bytes(value << 3 | value >> 2 for value in range(32))
SIX = bytes(value << 2 | value >> 4 for value in range(64))

_TO_FIVE = bytes(FIVE[value >> 3] for value in range(256))
_TO_SIX = bytes(SIX[value >> 2] for value in range(256))


def widen_555(pixel: int) -> int:
    """A pixel of 15 bits as 0xRRGGBB."""
    return FIVE[pixel >> 10 & 31] << 16 | FIVE[pixel >> 5 & 31] << 8 | FIVE[pixel & 31]


def widen_565(pixel: int) -> int:
    """A pixel of 16 bits as 0xRRGGBB."""
    return FIVE[pixel >> 11 & 31] << 16 | SIX[pixel >> 5 & 63] << 8 | FIVE[pixel & 31]


@cache
def _table_555() -> array[int]:
    # In the top bit servers keep what they like.
    table = array("I", map(widen_555, range(32768)))
    return table + table


def widen_row_555(row: Buffer) -> bytes:
    """Little-endian pixels of two bytes as pixels of four."""
    pixels = array("H", bytes(row))
    if sys.byteorder == "big":
        pixels.byteswap()
    wide = array("I", map(_table_555().__getitem__, pixels))
    if sys.byteorder == "big":
        wide.byteswap()
    return wide.tobytes()


def native_colour(colour: int, surface: SpiceSurfaceFmt) -> int:
    """A brush's colour as 0xAARRGGBB: the wire has it as the surface's own pixels are."""
    if surface == SpiceSurfaceFmt.RGB16_555:
        return widen_555(colour)
    if surface == SpiceSurfaceFmt.RGB16_565:
        return widen_565(colour)
    return colour


def as_on(raster: Raster, surface: SpiceSurfaceFmt) -> Raster:
    """The raster with no more colours than a surface of that format can show."""
    if surface not in (SpiceSurfaceFmt.RGB16_555, SpiceSurfaceFmt.RGB16_565):
        return raster
    own = raster.copy(raster.bounds)
    data = bytearray(own.data)
    six = surface == SpiceSurfaceFmt.RGB16_565
    for plane, table in enumerate((_TO_FIVE, _TO_SIX if six else _TO_FIVE, _TO_FIVE)):
        data[plane::4] = data[plane::4].translate(table)
    return packed(own.width, own.height, data, alpha=own.alpha)
