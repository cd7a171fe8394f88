"""Images that are drawn larger or smaller than they are; pure."""

from __future__ import annotations

from array import array

from charly_vm.probe.spice.geometry import Rect
from charly_vm.probe.spice.protocol.drawing import SpiceImageScaleMode
from charly_vm.probe.spice.raster import Raster, packed


def scale(raster: Raster, area: Rect, box: Rect, part: Rect, mode: SpiceImageScaleMode) -> Raster:
    """What `area` of the image looks like in `box`, but only `part` of the box.

    Both may be of any size; memory is taken for the part alone, which lies in the box.
    """
    if mode == SpiceImageScaleMode.NEAREST or area.intersect(raster.bounds) != area:
        return _nearest(raster, area, box, part)
    return _interpolate(raster, area, box, part)


def _nearest(raster: Raster, area: Rect, box: Rect, part: Rect) -> Raster:
    columns = _places(area.left, area.width, box.left, box.width, part.left, part.right)
    columns = [min(max(x, 0), raster.width - 1) for x in columns]
    rows = _places(area.top, area.height, box.top, box.height, part.top, part.bottom)
    rows = [min(max(y, 0), raster.height - 1) for y in rows]
    out = bytearray()
    last, scaled = -1, b""
    for y in rows:
        if y != last:
            pixels = raster.row(y, 0, raster.width).cast("I")
            scaled = array("I", [pixels[x] for x in columns]).tobytes()
            last = y
        out += scaled
    return packed(part.width, part.height, out, alpha=raster.alpha)


def _places(start: int, size: int, box: int, box_size: int, first: int, last: int) -> list[int]:
    """For each place in the box, which place of the source its middle lies in; between two of
    them the lower one, as pixman has it."""
    return [
        start + ((2 * (at - box) + 1) * size - 1) // (2 * box_size) for at in range(first, last)
    ]


def _interpolate(raster: Raster, area: Rect, box: Rect, part: Rect) -> Raster:
    from PIL import Image

    source = raster.copy(area)
    # Four channels that pillow does not take for colours and alpha.
    size = area.width, area.height
    picture = Image.frombuffer("CMYK", size, bytes(source.data), "raw", "CMYK", 0, 1)
    across, down = area.width / box.width, area.height / box.height
    scaled = picture.resize(
        (part.width, part.height),
        Image.Resampling.BILINEAR,
        box=(
            (part.left - box.left) * across,
            (part.top - box.top) * down,
            min((part.right - box.left) * across, area.width),
            min((part.bottom - box.top) * down, area.height),
        ),
    )
    return packed(part.width, part.height, scaled.tobytes(), alpha=raster.alpha)
