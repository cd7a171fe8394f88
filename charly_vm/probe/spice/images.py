"""Images as messages carry them: a descriptor, and what depends on its type.

Layouts are those of `Image` in the published `spice.proto`. Reading one decodes nothing yet, and
takes no memory; its dimensions are checked here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from charly_vm.probe.spice.limits import MAX_PALETTE_ENTRIES, MAX_PIXELS, MAX_SIDE
from charly_vm.probe.spice.protocol.drawing import (
    SpiceBitmapFlags,
    SpiceBitmapFmt,
    SpiceImageFlags,
    SpiceImageType,
)
from charly_vm.probe.spice.reader import Reader

_DESCRIPTOR = struct.Struct("<QBBII")


@dataclass(frozen=True, slots=True)
class WireImage:
    """An image that is not decoded yet; `body` stands behind the descriptor."""

    identity: int
    """What the server calls it, for its cache."""
    type: SpiceImageType
    flags: SpiceImageFlags
    width: int
    height: int
    body: Reader


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours as 0xRRGGBB, or as the surface's own pixels where those have 16 bits."""

    identity: int
    colours: tuple[int, ...]


def read_image(reader: Reader) -> WireImage:
    """Raises `SpiceProtocolError` for an unknown type and for dimensions beyond the limits."""
    identity, kind, flags, width, height = reader.fields(_DESCRIPTOR)
    try:
        image_type = SpiceImageType(kind)
    except ValueError as error:
        raise reader.error(f"{kind} is no type of images") from error
    require_dimensions(reader, width, height)
    return WireImage(identity, image_type, SpiceImageFlags(flags & 7), width, height, reader)


def find_image(reader: Reader) -> WireImage | None:
    """The image to which a pointer leads; None for the null pointer."""
    offset = reader.u32()
    return read_image(reader.at(offset)) if offset else None


def require_image(reader: Reader) -> WireImage:
    image = find_image(reader)
    if image is None:
        raise reader.error("it points to no image where one is needed")
    return image


def require_dimensions(reader: Reader, width: int, height: int) -> None:
    """Raises `SpiceProtocolError` for nothing at all and for more than anybody shows."""
    if not 0 < width <= MAX_SIDE or not 0 < height <= MAX_SIDE or width * height > MAX_PIXELS:
        raise reader.error(f"{width}x{height} pixels are no picture")


def read_palette(reader: Reader) -> Palette:
    identity = reader.u64()
    count = reader.count(reader.u16(), 4, MAX_PALETTE_ENTRIES, "colours of a palette")
    return Palette(identity, struct.unpack(f"<{count}I", reader.take(4 * count)))


@dataclass(frozen=True, slots=True)
class PaletteReference:
    """How a bitmap says which palette it has: one that comes with it, or one in the cache."""

    palette: Palette | None = None
    identity: int = 0
    cached: bool = False
    cache_it: bool = False


def read_palette_reference(reader: Reader, flags: SpiceBitmapFlags) -> PaletteReference:
    if flags & SpiceBitmapFlags.PAL_FROM_CACHE:
        return PaletteReference(identity=reader.u64(), cached=True)
    offset = reader.u32()
    palette = read_palette(reader.at(offset)) if offset else None
    return PaletteReference(palette, cache_it=bool(flags & SpiceBitmapFlags.PAL_CACHE_ME))


@dataclass(frozen=True, slots=True)
class WireBitmap:
    """What stands behind the descriptor of a bitmap."""

    format: SpiceBitmapFmt
    flags: SpiceBitmapFlags
    stride: int
    palette: PaletteReference
    data: memoryview

    @property
    def top_down(self) -> bool:
        return bool(self.flags & SpiceBitmapFlags.TOP_DOWN)


def read_bitmap(image: WireImage) -> WireBitmap:
    """Raises `SpiceProtocolError` where it is not of the descriptor's dimensions."""
    reader = image.body
    number, bits = reader.u8(), reader.u8()
    width, height, stride = reader.u32(), reader.u32(), reader.u32()
    try:
        form = SpiceBitmapFmt(number)
    except ValueError as error:
        raise reader.error(f"{number} is no format of bitmaps") from error
    if (width, height) != (image.width, image.height):
        raise reader.error(f"its bitmap has {width}x{height} pixels, its image others")
    flags = SpiceBitmapFlags(bits & 7)
    palette = read_palette_reference(reader, flags)
    return WireBitmap(form, flags, stride, palette, reader.take(stride * height))
