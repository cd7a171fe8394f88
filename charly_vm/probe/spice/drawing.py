"""The surfaces of a display, and what its drawing messages do to them."""

from __future__ import annotations

from collections.abc import Callable

from charly_vm.probe.spice.canvas.lines import read_stroke, spans
from charly_vm.probe.spice.canvas.painter import NOTHING, move, paint
from charly_vm.probe.spice.canvas.rop import (
    BLACKNESS,
    DESTINATION,
    INVERT,
    PATTERN,
    SOURCE,
    WHITENESS,
    ternary_of,
)
from charly_vm.probe.spice.canvas.scaling import scale
from charly_vm.probe.spice.canvas.sources import Placed, Rows, Solid, Tiled
from charly_vm.probe.spice.canvas.text import read_text
from charly_vm.probe.spice.colours import as_on, native_colour
from charly_vm.probe.spice.composing import blend, compose_image, draw_text, draw_transparent
from charly_vm.probe.spice.decoding import ImageDecoder
from charly_vm.probe.spice.draw_messages import (
    Base,
    WireBrush,
    read_alpha_blend,
    read_base,
    read_composite,
    read_copy,
    read_fill,
    read_mask,
    read_opaque,
    read_rop3,
    read_transparent,
)
from charly_vm.probe.spice.geometry import Rect, clip, read_point
from charly_vm.probe.spice.images import WireImage
from charly_vm.probe.spice.limits import MAX_SURFACE_PIXELS, MAX_SURFACES
from charly_vm.probe.spice.protocol.drawing import SpiceImageScaleMode, SpiceSurfaceFmt
from charly_vm.probe.spice.protocol.messages import SpiceMsgDisplay
from charly_vm.probe.spice.raster import Surface
from charly_vm.probe.spice.reader import Reader


class Drawing:
    """Draws what one display channel is told to. Every method raises `SpiceProtocolError`."""

    def __init__(self) -> None:
        self.surfaces: dict[int, Surface] = {}
        self.decoder = ImageDecoder(self.surfaces)
        self.commands: dict[int, Callable[[Reader], None]] = {
            SpiceMsgDisplay.COPY_BITS: self._copy_bits,
            SpiceMsgDisplay.DRAW_FILL: self._fill,
            SpiceMsgDisplay.DRAW_OPAQUE: self._opaque,
            SpiceMsgDisplay.DRAW_COPY: self._copy,
            SpiceMsgDisplay.DRAW_BLEND: self._copy,
            SpiceMsgDisplay.DRAW_BLACKNESS: lambda reader: self._flat(reader, BLACKNESS),
            SpiceMsgDisplay.DRAW_WHITENESS: lambda reader: self._flat(reader, WHITENESS),
            SpiceMsgDisplay.DRAW_INVERS: lambda reader: self._flat(reader, INVERT),
            SpiceMsgDisplay.DRAW_ROP3: self._rop3,
            SpiceMsgDisplay.DRAW_STROKE: self._stroke,
            SpiceMsgDisplay.DRAW_TEXT: self._text,
            SpiceMsgDisplay.DRAW_TRANSPARENT: self._transparent,
            SpiceMsgDisplay.DRAW_ALPHA_BLEND: self._alpha_blend,
            SpiceMsgDisplay.DRAW_COMPOSITE: self._composite,
        }

    def release(self) -> None:
        """Forget all pictures."""
        self.surfaces.clear()
        self.decoder.release()

    def create(self, reader: Reader, surface: Surface) -> None:
        """Take a new surface in, in place of one of the same number."""
        self.surfaces.pop(surface.number, None)
        pixels = surface.width * surface.height
        pixels += sum(one.width * one.height for one in self.surfaces.values())
        if len(self.surfaces) >= MAX_SURFACES or pixels > MAX_SURFACE_PIXELS:
            raise reader.error(
                f"{len(self.surfaces) + 1} surfaces of {pixels} pixels are more than we hold"
            )
        self.surfaces[surface.number] = surface

    def require_surface(self, reader: Reader, number: int) -> Surface:
        found = self.surfaces.get(number)
        if found is None:
            raise reader.error(f"there is no surface {number}")
        return found

    def region(self, reader: Reader, surface: Surface, base: Base) -> list[Rect]:
        """What of a box lies on the surface and within the clip rectangles."""
        try:
            return clip(base.box.intersect(surface.bounds), base.clips)
        except ValueError as error:
            raise reader.error(str(error)) from error

    def place(
        self,
        image: WireImage,
        area: Rect,
        box: Rect,
        surface: Surface,
        region: list[Rect],
        mode: SpiceImageScaleMode,
    ) -> Rows:
        """An area of an image, where it belongs in the box, and scaled where it has to be."""
        raster = as_on(self.decoder.decode(image, surface.format), surface.format)
        if not region:
            return NOTHING
        if (area.width, area.height) == (box.width, box.height):
            if raster.data.obj is surface.data:
                # It is drawn onto itself.
                part = area.intersect(raster.bounds)
                if part.empty:
                    return NOTHING
                raster = raster.copy(part)
                return Placed(
                    raster, box.left + part.left - area.left, box.top + part.top - area.top
                )
            return Placed(raster, box.left - area.left, box.top - area.top)
        part = bounding(region)
        return Placed(scale(raster, area, box, part, mode), part.left, part.top)

    def rows_of(self, brush: WireBrush, surface: Surface) -> Rows:
        """What a brush paints with."""
        if brush.image is not None:
            raster = as_on(self.decoder.decode(brush.image, surface.format), surface.format)
            if raster.data.obj is surface.data:
                raster = raster.copy(raster.bounds)
            return Tiled(raster, brush.position.x, brush.position.y)
        if brush.colour is not None:
            return Solid(native_colour(brush.colour, surface.format))
        return NOTHING

    def _begin(self, reader: Reader) -> tuple[Base, Surface, list[Rect]]:
        base = read_base(reader)
        surface = self.require_surface(reader, base.surface)
        return base, surface, self.region(reader, surface, base)

    def _copy_bits(self, reader: Reader) -> None:
        base, surface, region = self._begin(reader)
        origin = read_point(reader)
        move(surface, region, origin.x - base.box.left, origin.y - base.box.top)

    def _fill(self, reader: Reader) -> None:
        base, surface, region = self._begin(reader)
        fill = read_fill(reader)
        brush = self.rows_of(fill.brush, surface)
        mask = self.decoder.mask(fill.mask, base.box)
        ternary = ternary_of(fill.descriptor, PATTERN, DESTINATION)
        paint(surface, region, ternary, pattern=brush, mask=mask)

    def _copy(self, reader: Reader) -> None:
        base, surface, region = self._begin(reader)
        copy = read_copy(reader)
        source = self.place(copy.image, copy.area, base.box, surface, region, copy.scale)
        mask = self.decoder.mask(copy.mask, base.box)
        ternary = ternary_of(copy.operation, SOURCE, DESTINATION)
        paint(surface, region, ternary, source=source, mask=mask)
        surface.covered = surface.covered or region == [surface.bounds]

    def _opaque(self, reader: Reader) -> None:
        base, surface, region = self._begin(reader)
        copy = read_opaque(reader)
        source = self.place(copy.image, copy.area, base.box, surface, region, copy.scale)
        brush = self.rows_of(copy.brush, surface)
        mask = self.decoder.mask(copy.mask, base.box)
        ternary = ternary_of(copy.operation, PATTERN, SOURCE)
        paint(surface, region, ternary, pattern=brush, source=source, mask=mask)

    def _rop3(self, reader: Reader) -> None:
        base, surface, region = self._begin(reader)
        copy = read_rop3(reader)
        source = self.place(copy.image, copy.area, base.box, surface, region, copy.scale)
        brush = self.rows_of(copy.brush, surface)
        mask = self.decoder.mask(copy.mask, base.box)
        paint(surface, region, copy.operation, pattern=brush, source=source, mask=mask)

    def _flat(self, reader: Reader, ternary: int) -> None:
        base, surface, region = self._begin(reader)
        mask = self.decoder.mask(read_mask(reader), base.box)
        paint(surface, region, ternary, mask=mask)

    def _stroke(self, reader: Reader) -> None:
        _, surface, region = self._begin(reader)
        stroke = read_stroke(reader)
        brush = self.rows_of(stroke.brush, surface)
        ternary = ternary_of(stroke.fore_mode, PATTERN, DESTINATION)
        try:
            lines = spans(stroke, bounding(region))
        except ValueError as error:
            raise reader.error(str(error)) from error
        for rect in region:
            parts = (part for line in lines if not (part := line.intersect(rect)).empty)
            paint(surface, parts, ternary, pattern=brush)

    def _text(self, reader: Reader) -> None:
        _, surface, region = self._begin(reader)
        text = read_text(reader)
        fore = self.rows_of(text.fore, surface)
        back = self.rows_of(text.back, surface)
        if not text.back_area.empty:
            behind = [part for rect in region if not (part := rect.intersect(text.back_area)).empty]
            paint(surface, behind, PATTERN, pattern=back)
        draw_text(surface, region, text.glyphs, fore)

    def _transparent(self, reader: Reader) -> None:
        base, surface, region = self._begin(reader)
        drawn = read_transparent(reader)
        mode = SpiceImageScaleMode.NEAREST
        source = self.place(drawn.image, drawn.area, base.box, surface, region, mode)
        draw_transparent(surface, region, source, drawn.key)

    def _alpha_blend(self, reader: Reader) -> None:
        base, surface, region = self._begin(reader)
        blended = read_alpha_blend(reader)
        mode = SpiceImageScaleMode.NEAREST
        source = self.place(blended.image, blended.area, base.box, surface, region, mode)
        blend(surface, region, source, blended)

    def _composite(self, reader: Reader) -> None:
        base, surface, region = self._begin(reader)
        composite = read_composite(reader)
        source = self.decoder.decode(composite.image, SpiceSurfaceFmt.ARGB32)
        mask = None
        if composite.mask is not None:
            mask = self.decoder.decode(composite.mask, SpiceSurfaceFmt.ARGB32)
        try:
            compose_image(surface, region, base.box, composite, source, mask)
        except ValueError as error:
            raise reader.error(str(error)) from error


def bounding(region: list[Rect]) -> Rect:
    """The smallest rectangle around all of them; an empty one around none."""
    if not region:
        return Rect(0, 0, 0, 0)
    return Rect(
        min(rect.left for rect in region),
        min(rect.top for rect in region),
        max(rect.right for rect in region),
        max(rect.bottom for rect in region),
    )
