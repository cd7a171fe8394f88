"""Bitmaps as they are in memory: 1, 4 and 8 bits with a palette, 16, 24 and 32 bits without."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from charly_vm.probe.spice.codecs.indexed import expand_bits, expand_nibbles
from charly_vm.probe.spice.colours import widen_row_555
from charly_vm.probe.spice.protocol.drawing import SpiceBitmapFmt
from charly_vm.probe.spice.raster import Raster, packed
from charly_vm.probe.spice.reader import Buffer

BITS = {
    SpiceBitmapFmt.BIT1_LE: 1,
    SpiceBitmapFmt.BIT1_BE: 1,
    SpiceBitmapFmt.BIT4_LE: 4,
    SpiceBitmapFmt.BIT4_BE: 4,
    SpiceBitmapFmt.BIT8: 8,
    SpiceBitmapFmt.BIT16: 16,
    SpiceBitmapFmt.BIT24: 24,
    SpiceBitmapFmt.BIT32: 32,
    SpiceBitmapFmt.RGBA: 32,
    SpiceBitmapFmt.BIT8_A: 8,
}
"""Per pixel."""

_Widen = Callable[[memoryview], Buffer]


def decode_bitmap(
    data: memoryview,
    form: SpiceBitmapFmt,
    width: int,
    height: int,
    stride: int,
    *,
    top_down: bool,
    palette: Sequence[int] = (),
) -> Raster:
    """The pixels; those of 32 bits stay where they are, and nothing is copied.

    `palette` has 0xRRGGBB. Raises ValueError where the stride is too short for a row, or the data
    for the rows, and for an index without a colour.
    """
    if form not in BITS:
        raise ValueError(f"{form} is no format of bitmaps")
    used = (width * BITS[form] + 7) // 8
    if stride < used:
        raise ValueError(f"rows of {stride} bytes are too short for {width} pixels")
    if len(data) < stride * (height - 1) + used:
        raise ValueError(f"{len(data)} bytes are too few for {height} rows")
    if form in (SpiceBitmapFmt.BIT32, SpiceBitmapFmt.RGBA):
        alpha = form == SpiceBitmapFmt.RGBA
        if top_down:
            return Raster(width, height, data, stride, 0, alpha)
        return Raster(width, height, data, -stride, (height - 1) * stride, alpha)
    widen = _widening(form, width, tuple(palette))
    pixels = bytearray(width * height * 4)
    size = width * 4
    for index in range(height):
        row = data[index * stride : index * stride + used]
        target = (index if top_down else height - 1 - index) * size
        pixels[target : target + size] = widen(row)
    return packed(width, height, pixels, alpha=form == SpiceBitmapFmt.BIT8_A)


def _widening(form: SpiceBitmapFmt, width: int, palette: tuple[int, ...]) -> _Widen:
    """How a row of that format becomes a row of four bytes per pixel."""
    if form == SpiceBitmapFmt.BIT16:
        return widen_row_555
    if form == SpiceBitmapFmt.BIT24:
        return _widen_24
    if form == SpiceBitmapFmt.BIT8_A:
        return _widen_alpha
    if not palette:
        raise ValueError("it has no palette")
    if form == SpiceBitmapFmt.BIT8:
        return lambda row: look_up(row, palette)
    if form in (SpiceBitmapFmt.BIT4_LE, SpiceBitmapFmt.BIT4_BE):
        big = form == SpiceBitmapFmt.BIT4_BE
        return lambda row: look_up(expand_nibbles(row, width, high_first=big), palette)
    big = form == SpiceBitmapFmt.BIT1_BE
    return lambda row: look_up(expand_bits(row, width, high_first=big), palette)


def look_up(indices: Buffer, palette: tuple[int, ...]) -> bytes:
    """Colours of a palette, as pixels. Raises ValueError for an index without a colour."""
    pixels = _pixels(palette)
    try:
        return b"".join(map(pixels.__getitem__, indices))
    except IndexError as error:
        raise ValueError(f"it uses colours that its palette of {len(palette)} lacks") from error


@lru_cache(maxsize=16)
def _pixels(palette: tuple[int, ...]) -> list[bytes]:
    return [(colour & 0xFFFFFF).to_bytes(4, "little") for colour in palette]


def _widen_24(row: memoryview) -> bytearray:
    wide = bytearray(len(row) // 3 * 4)
    for plane in range(3):
        wide[plane::4] = row[plane::3]
    return wide


def _widen_alpha(row: memoryview) -> bytearray:
    wide = bytearray(len(row) * 4)
    wide[3::4] = row
    return wide
