"""LZ4: the rows of a bitmap in blocks, each of which may copy from those before it.

In front stand a byte that says whether rows run from the top and one with the bitmap's format;
each block has its size before it, big-endian. What a block looks like is said in
`lz4_Block_format.md` of the LZ4 project.
"""

from __future__ import annotations

from charly_vm.probe.spice.codecs.bitmap import BITS, decode_bitmap
from charly_vm.probe.spice.codecs.units import TOO_MANY, copy_within
from charly_vm.probe.spice.protocol.drawing import SpiceBitmapFmt
from charly_vm.probe.spice.raster import Raster

_LEAST_MATCH = 4
_FORMATS = (
    SpiceBitmapFmt.BIT16,
    SpiceBitmapFmt.BIT24,
    SpiceBitmapFmt.BIT32,
    SpiceBitmapFmt.RGBA,
)


def decode_lz4(data: memoryview, width: int, height: int) -> Raster:
    """Raises ValueError for data that cannot be."""
    if len(data) < 2:
        raise ValueError("it ends within its header")
    top_down, form = bool(data[0]), SpiceBitmapFmt(data[1])
    if form not in _FORMATS:
        raise ValueError(f"bitmaps of format {form.name} have no LZ4")
    stride = width * BITS[form] // 8
    out = bytearray(stride * height)
    done = 0
    position = 2
    while position < len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        position += 4
        if size > len(data) - position:
            raise ValueError("it ends before the end of a block")
        done = _expand(data[position : position + size], out, done)
        position += size
    if done != len(out):
        raise ValueError("it ends before all of its pixels")
    return decode_bitmap(memoryview(out), form, width, height, stride, top_down=top_down)


def _expand(block: memoryview, out: bytearray, done: int) -> int:
    """Append a block to what is there; gives how far `out` is filled now."""
    position = 0
    end = len(block)
    limit = len(out)
    try:
        while position < end:
            token = block[position]
            count, position = _length(block, position + 1, token >> 4)
            if count > end - position or done + count > limit:
                raise ValueError(TOO_MANY)
            out[done : done + count] = block[position : position + count]
            position += count
            done += count
            if position == end:
                break
            distance = block[position] | block[position + 1] << 8
            count, position = _length(block, position + 2, token & 15)
            count += _LEAST_MATCH
            if not distance:
                raise ValueError("it copies from where it writes")
            copy_within(out, done, distance, count)
            done += count
    except IndexError as error:
        raise ValueError("it ends before the end of a block") from error
    return done


def _length(block: memoryview, position: int, nibble: int) -> tuple[int, int]:
    if nibble == 15:
        while True:
            more = block[position]
            position += 1
            nibble += more
            if more != 255:
                break
    return nibble, position
