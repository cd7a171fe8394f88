"""Drawing that mixes colours: alpha, transparent colours, text, and composition."""

from __future__ import annotations

import sys
from array import array

from charly_vm.probe.spice.canvas.planes import (
    OPERATORS,
    compose,
    flat,
    load_planes,
    over,
    scaled,
    store_planes,
)
from charly_vm.probe.spice.canvas.sampling import sample
from charly_vm.probe.spice.canvas.sources import Placed, Rows
from charly_vm.probe.spice.canvas.text import Glyph, coverage
from charly_vm.probe.spice.draw_messages import AlphaBlend, Composite, Transform
from charly_vm.probe.spice.geometry import Point, Rect, bands
from charly_vm.probe.spice.protocol.drawing import (
    SpiceAlphaFlags,
    SpiceCompositeFlags,
    SpiceImageType,
)
from charly_vm.probe.spice.raster import Raster, Surface

_AT_ONCE = 512 * 1024
"""Pixels; there are up to a dozen planes of them at a time."""
_MAX_TRANSFORMED = 8 * 1024 * 1024
"""Pixels."""


def draw_transparent(surface: Surface, region: list[Rect], source: Rows, key: int) -> None:
    """Copy all pixels but those of the colour `key`, which is 0xRRGGBB."""
    surface.drawn = True
    view = memoryview(surface.data)
    for rect in region:
        part = source.within(rect)
        for y in range(part.top, part.bottom):
            begin = (y * surface.width + part.left) * 4
            end = begin + part.width * 4
            there, here = array("I", bytes(view[begin:end])), array("I")
            here.frombytes(bytes(source.row(y, part.left, part.right)))
            mixed = array(
                "I",
                [
                    old if _colour(new) == key & 0xFFFFFF else new
                    for new, old in zip(here, there, strict=True)
                ],
            )
            view[begin:end] = mixed.tobytes()


def _colour(pixel: int) -> int:
    """0xRRGGBB of a pixel that was read in the machine's own byte order."""
    if sys.byteorder == "little":
        return pixel & 0xFFFFFF
    return int.from_bytes(pixel.to_bytes(4, "big")[:3], "little")


def blend(surface: Surface, region: list[Rect], source: Rows, drawn: AlphaBlend) -> None:
    """Lay an image over the surface, as opaque as its own alpha and the message's say."""
    with_alpha = isinstance(source, Placed) and source.raster.alpha
    if drawn.image.type == SpiceImageType.SURFACE:
        with_alpha = bool(drawn.flags & SpiceAlphaFlags.SRC_SURFACE_HAS_ALPHA)
    keeps_alpha = bool(drawn.flags & SpiceAlphaFlags.DEST_HAS_ALPHA)
    for rect in bands(region, _AT_ONCE):
        part = source.within(rect)
        if part.empty or not drawn.alpha:
            continue
        planes = load_planes(source, part, alpha=with_alpha)
        planes = scaled(planes, flat(planes[0], drawn.alpha))
        there = load_planes(_on(surface), part, alpha=keeps_alpha)
        mixed = over(planes, there, [planes[3]] * 4)
        store_planes(surface, part, mixed if keeps_alpha else mixed[:3])


def draw_text(surface: Surface, region: list[Rect], glyphs: list[Glyph], brush: Rows) -> None:
    """Paint with the brush where glyphs are, as much as they cover."""
    from PIL import Image

    for rect in bands(region, _AT_ONCE):
        boxes = [part for one in glyphs if not (part := one.box.intersect(rect)).empty]
        if not boxes:
            continue
        part = Rect(
            min(box.left for box in boxes),
            min(box.top for box in boxes),
            max(box.right for box in boxes),
            max(box.bottom for box in boxes),
        )
        covered = Image.frombytes("L", (part.width, part.height), coverage(glyphs, part))
        planes = scaled(load_planes(brush, part, alpha=False), covered)
        there = load_planes(_on(surface), part, alpha=surface.alpha)
        mixed = over(planes, there, [planes[3]] * 4)
        store_planes(surface, part, mixed if surface.alpha else mixed[:3])


def compose_image(
    surface: Surface,
    region: list[Rect],
    box: Rect,
    drawn: Composite,
    source: Raster,
    mask: Raster | None,
) -> None:
    """X Render's composition.

    Raises ValueError for an operator that nobody sends, and for more transformed pixels than
    there is time for.
    """
    flags = drawn.flags
    operator = flags & 0xFF
    if operator >= len(OPERATORS):
        raise ValueError(f"{operator} is no operator of composition that we know")
    transformed = drawn.transform is not None or drawn.mask_transform is not None
    if transformed and sum(rect.area for rect in region) > _MAX_TRANSFORMED:
        raise ValueError(f"more than {_MAX_TRANSFORMED} pixels are too many to be transformed")
    opaque = bool(flags & SpiceCompositeFlags.SOURCE_OPAQUE)
    keeps_alpha = surface.alpha and not flags & SpiceCompositeFlags.DEST_OPAQUE
    for rect in bands(region, _AT_ONCE):
        bits = flags >> 8 & 7, flags >> 14 & 3
        own = _sampled(source, rect, box, drawn.origin, drawn.transform, bits, opaque)
        planes = load_planes(own, rect, alpha=True)
        alphas = [planes[3]] * 4
        if mask is not None:
            bits = flags >> 11 & 7, flags >> 16 & 3
            hidden = bool(flags & SpiceCompositeFlags.MASK_OPAQUE)
            seen = _sampled(mask, rect, box, drawn.mask_origin, drawn.mask_transform, bits, hidden)
            factors = load_planes(seen, rect, alpha=True)
            if not flags & SpiceCompositeFlags.COMPONENT_ALPHA:
                factors = [factors[3]] * 4
            alphas = [scaled([planes[3]], factor)[0] for factor in factors]
            planes = [scaled([one], by)[0] for one, by in zip(planes, factors, strict=True)]
        there = load_planes(_on(surface), rect, alpha=keeps_alpha)
        mixed = compose(operator, planes, there, alphas)
        store_planes(surface, rect, mixed if keeps_alpha else mixed[:3])


def _sampled(
    raster: Raster,
    rect: Rect,
    box: Rect,
    origin: Point,
    transform: Transform | None,
    filter_and_repeat: tuple[int, int],
    opaque: bool,
) -> Placed:
    filtering, repeat = filter_and_repeat
    seen = sample(
        raster,
        rect.left - box.left + origin.x,
        rect.top - box.top + origin.y,
        rect.width,
        rect.height,
        transform=transform,
        repeat=repeat,
        filtering=filtering,
        opaque=opaque,
    )
    return Placed(seen, rect.left, rect.top)


def _on(surface: Surface) -> Placed:
    return Placed(surface.raster(), 0, 0)
