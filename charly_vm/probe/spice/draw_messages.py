"""What the display channel's drawing messages say; nothing is decoded or drawn here.

Layouts are those of `DisplayChannel` in the published `spice.proto`. Pointers in a message are
offsets of 32 bits from its beginning.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from charly_vm.probe.spice.geometry import Point, Rect, read_point, read_rect
from charly_vm.probe.spice.images import WireImage, find_image, require_image
from charly_vm.probe.spice.limits import MAX_CLIP_RECTS
from charly_vm.probe.spice.protocol.drawing import (
    SpiceBrushType,
    SpiceClipType,
    SpiceCompositeFlags,
    SpiceImageScaleMode,
    SpiceMaskFlags,
)
from charly_vm.probe.spice.reader import Reader

_TRANSFORM = struct.Struct("<6i")


ORIGIN = Point(0, 0)


@dataclass(frozen=True, slots=True)
class Base:
    """Where: a surface, the box that is drawn, and the rectangles that limit it, if any do."""

    surface: int
    box: Rect
    clips: list[Rect] | None


@dataclass(frozen=True, slots=True)
class WireBrush:
    """A colour, or an image that repeats from (x, y) on, or nothing."""

    colour: int | None = None
    image: WireImage | None = None
    position: Point = ORIGIN


NO_BRUSH = WireBrush()


@dataclass(frozen=True, slots=True)
class WireMask:
    """A mask whose pixel at `position` lies in the corner of the box."""

    image: WireImage
    position: Point
    inverted: bool


@dataclass(frozen=True, slots=True)
class Fill:
    brush: WireBrush
    descriptor: int
    mask: WireMask | None


@dataclass(frozen=True, slots=True)
class Copy:
    """Also a blend; and an opaque fill or a ternary operation, which have a brush as well."""

    image: WireImage
    area: Rect
    operation: int
    scale: SpiceImageScaleMode
    mask: WireMask | None
    brush: WireBrush = NO_BRUSH


@dataclass(frozen=True, slots=True)
class Transparent:
    image: WireImage
    area: Rect
    key: int


@dataclass(frozen=True, slots=True)
class AlphaBlend:
    flags: int
    alpha: int
    image: WireImage
    area: Rect


Transform = tuple[int, int, int, int, int, int]
"""The upper two rows of a matrix, from left to right, in units of 1/65536."""


@dataclass(frozen=True, slots=True)
class Composite:
    flags: int
    image: WireImage
    mask: WireImage | None
    transform: Transform | None
    mask_transform: Transform | None
    origin: Point
    mask_origin: Point


def read_clip(reader: Reader) -> list[Rect] | None:
    kind = reader.u8()
    if kind == SpiceClipType.NONE:
        return None
    if kind != SpiceClipType.RECTS:
        raise reader.error(f"{kind} is no type of clips")
    count = reader.count(reader.u32(), 16, MAX_CLIP_RECTS, "clip rectangles")
    return [read_rect(reader) for _ in range(count)]


def read_base(reader: Reader) -> Base:
    return Base(reader.u32(), read_rect(reader), read_clip(reader))


def read_brush(reader: Reader) -> WireBrush:
    kind = reader.u8()
    if kind == SpiceBrushType.SOLID:
        return WireBrush(colour=reader.u32())
    if kind == SpiceBrushType.PATTERN:
        return WireBrush(image=require_image(reader), position=read_point(reader))
    if kind != SpiceBrushType.NONE:
        raise reader.error(f"{kind} is no type of brushes")
    return WireBrush()


def read_mask(reader: Reader) -> WireMask | None:
    flags, position, image = reader.u8(), read_point(reader), find_image(reader)
    if image is None:
        return None
    return WireMask(image, position, bool(flags & SpiceMaskFlags.INVERS))


def read_fill(reader: Reader) -> Fill:
    return Fill(read_brush(reader), reader.u16(), read_mask(reader))


def read_copy(reader: Reader) -> Copy:
    image, area, operation = require_image(reader), read_rect(reader), reader.u16()
    return Copy(image, area, operation, _scale_mode(reader), read_mask(reader))


def read_opaque(reader: Reader) -> Copy:
    image, area, brush = require_image(reader), read_rect(reader), read_brush(reader)
    operation = reader.u16()
    return Copy(image, area, operation, _scale_mode(reader), read_mask(reader), brush)


def read_rop3(reader: Reader) -> Copy:
    image, area, brush = require_image(reader), read_rect(reader), read_brush(reader)
    operation = reader.u8()
    return Copy(image, area, operation, _scale_mode(reader), read_mask(reader), brush)


def read_transparent(reader: Reader) -> Transparent:
    image, area = require_image(reader), read_rect(reader)
    # The colour comes twice, as the source has it and with 24 bits.
    reader.u32()
    return Transparent(image, area, reader.u32())


def read_alpha_blend(reader: Reader) -> AlphaBlend:
    flags, alpha = reader.u8(), reader.u8()
    return AlphaBlend(flags, alpha, require_image(reader), read_rect(reader))


def read_composite(reader: Reader) -> Composite:
    flags, image = reader.u32(), require_image(reader)
    with_mask = flags & SpiceCompositeFlags.HAS_MASK
    mask = require_image(reader) if with_mask else None
    transform = mask_transform = None
    if flags & SpiceCompositeFlags.HAS_SRC_TRANSFORM:
        transform = reader.fields(_TRANSFORM)
    if flags & SpiceCompositeFlags.HAS_MASK_TRANSFORM:
        mask_transform = reader.fields(_TRANSFORM)
    origin = Point(reader.i16(), reader.i16())
    mask_origin = Point(reader.i16(), reader.i16())
    return Composite(flags, image, mask, transform, mask_transform, origin, mask_origin)


def _scale_mode(reader: Reader) -> SpiceImageScaleMode:
    mode = reader.u8()
    if mode == SpiceImageScaleMode.NEAREST:
        return SpiceImageScaleMode.NEAREST
    return SpiceImageScaleMode.INTERPOLATE
