"""GLZ_RGB and ZLIB_GLZ_RGB: like LZ_RGB, and copies reach into images that came before.

Server and client remember the same images, the window. An image says how far back the oldest is
that later ones may copy from. What differs from LZ is how a copy is written: which image, 0 being
the same one, and the pixel in it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from charly_vm.probe.spice.codecs.lz import MAGIC, VERSION, LzImageType
from charly_vm.probe.spice.codecs.units import (
    BYTES,
    COLOURS,
    ENDS_EARLY,
    SIXTEEN,
    TOO_MANY,
    Unit,
    copy_within,
    read_length,
    take,
)
from charly_vm.probe.spice.raster import Raster, packed

_HEADER = struct.Struct(">4sIBIIIQI")

_Reach = Callable[[int, int, int], memoryview]


class GlzWindow:
    """The images that later ones may copy from: their pixels in the order in which they came."""

    def __init__(self, limit: int) -> None:
        """`limit` is the number of pixels that were announced to the server."""
        self._limit = limit
        self._images: dict[int, bytearray] = {}

    def pixels(self, identity: int, first: int, count: int) -> memoryview:
        """A run of pixels of an image; raises ValueError where it has none."""
        image = self._images.get(identity)
        if image is None:
            raise ValueError(f"it copies from image {identity}, which is not in the window")
        if (first + count) * 4 > len(image):
            raise ValueError(f"it copies from behind the end of image {identity}")
        return memoryview(image)[first * 4 : (first + count) * 4]

    def add(self, identity: int, pixels: bytearray, oldest: int) -> None:
        """Remember an image, and forget those before `oldest`."""
        self._images[identity] = pixels
        for known in [known for known in self._images if known < oldest]:
            del self._images[known]
        if sum(map(len, self._images.values())) > self._limit * 4:
            raise ValueError(f"with it the window has more than {self._limit} pixels")

    def clear(self) -> None:
        self._images.clear()


@dataclass(frozen=True, slots=True)
class _Header:
    type: LzImageType
    top_down: bool
    identity: int
    oldest: int


def decode_glz(data: memoryview, width: int, height: int, window: GlzWindow) -> Raster:
    """The image, which the window has from now on; raises ValueError for data that cannot be."""
    header = _read_header(data, width, height)
    body = data[_HEADER.size :]
    pixels = bytearray(width * height * 4)
    alpha = header.type == LzImageType.RGBA

    def colours(back: int, first: int, count: int) -> memoryview:
        return window.pixels(header.identity - back, first, count)

    def alphas(back: int, first: int, count: int) -> memoryview:
        return colours(back, first, count)[3::4]

    unit = SIXTEEN if header.type == LzImageType.RGB16 else COLOURS
    position = _expand(body, 0, pixels, unit, colours)
    if alpha:
        plane = bytearray(width * height)
        _expand(body, position, plane, BYTES, alphas)
        pixels[3::4] = plane
    window.add(header.identity, pixels, header.oldest)
    return packed(width, height, pixels, alpha=alpha, top_down=header.top_down)


def inflate(data: memoryview, size: int) -> bytes:
    """`size` bytes out of zlib's data, and never more; raises ValueError."""
    inflater = zlib.decompressobj()
    try:
        out = inflater.decompress(data, size)
    except zlib.error as error:
        raise ValueError(f"zlib cannot read it: {error}") from error
    if len(out) != size:
        raise ValueError(f"{len(out)} bytes came out of zlib where {size} should")
    return out


def _read_header(data: memoryview, width: int, height: int) -> _Header:
    if len(data) < _HEADER.size:
        raise ValueError("it ends within its header")
    magic, version, kind, own_width, own_height, _, identity, distance = _HEADER.unpack_from(data)
    if magic != MAGIC or version != VERSION:
        raise ValueError("it does not begin as GLZ does")
    if (own_width, own_height) != (width, height):
        raise ValueError(f"it says {own_width}x{own_height} inside and {width}x{height} outside")
    image_type = LzImageType(kind & 15)
    if image_type not in (
        LzImageType.RGB16,
        LzImageType.RGB24,
        LzImageType.RGB32,
        LzImageType.RGBA,
    ):
        raise ValueError(f"images of type {image_type.name} have no window")
    return _Header(image_type, bool(kind >> 4), identity, identity - distance)


def _expand(data: memoryview, position: int, out: bytearray, unit: Unit, reach: _Reach) -> int:
    """Fill `out` with units; gives the position behind the last byte that was needed.

    `reach` gives units of an image that is some images back.
    """
    kept = unit.kept
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
                back, first, position = _read_place(data, position, control)
                size = length * kept
                if back == 0:
                    copy_within(out, done, (first + 1) * kept, size)
                elif done + size > end:
                    raise ValueError(TOO_MANY)
                else:
                    out[done : done + size] = reach(back, first, length)
            done += length * kept
    except IndexError as error:
        raise ValueError(ENDS_EARLY) from error
    return position


def _read_place(data: memoryview, position: int, control: int) -> tuple[int, int, int]:
    """From which image, counted back, from which pixel on, and the position behind it all.

    Of the pixel's number the control byte has 4 bits and the next one 8. Behind them comes a byte
    whose upper two bits say how many more there are for the image. Short places have 6 bits of the
    image beside these; long ones have 5 more bits of the pixel, and a flag that 8 others follow.
    """
    first = control & 15 | data[position] << 4
    code = data[position + 1]
    position += 2
    more = code >> 6
    if control & 16:
        first += (code & 31) << 12
        back, shift = 0, 0
    else:
        back, shift = code & 63, 6
    for index in range(more):
        back += data[position + index] << shift + 8 * index
    position += more
    if control & 16 and code & 32:
        first += data[position] << 17
        position += 1
    return back, first, position
