"""Images that are drawn larger or smaller than they are; pure.

The rules are those of SPICE's own canvas, with pixman's: a place in the box is looked up in the
image by its middle, in steps of 1/65536, and what lies outside of the image is black.
"""

from __future__ import annotations

import math
from array import array
from itertools import chain

from charly_vm.probe.spice.geometry import Rect
from charly_vm.probe.spice.protocol.drawing import SpiceImageScaleMode
from charly_vm.probe.spice.raster import Raster, packed

_UNIT = 65_536


def scale(raster: Raster, area: Rect, box: Rect, part: Rect, mode: SpiceImageScaleMode) -> Raster:
    """What `area` of the image looks like in `box`, but only `part` of the box.

    Both may be of any size; memory is taken for the part alone, which lies in the box.
    """
    across, down = area.width / box.width, area.height / box.height
    # The canvas knows where the area begins only in whole pixels of the box.
    left = part.left - box.left + _steps(area.left, across)
    top = part.top - box.top + _steps(area.top, down)
    if mode == SpiceImageScaleMode.NEAREST or not across or not down:
        columns = _places(left, part.width, across, raster.width)
        rows = _places(top, part.height, down, raster.height)
        return _nearest(raster, columns, rows)
    return _interpolate(raster, part, (across, down), (left, top))


def _steps(start: int, size: float) -> int:
    return math.floor(start / size + 0.5) if size else 0


def _places(first: int, count: int, size: float, limit: int) -> list[int]:
    """Which column or row of the image each place looks at; `limit` for none."""
    step = int(size * _UNIT)
    # Of two that are equally near the lower one.
    found = ((step * (2 * at + 1) // 2 - 1) // _UNIT for at in range(first, first + count))
    return [at if 0 <= at < limit else limit for at in found]


def _nearest(raster: Raster, columns: list[int], rows: list[int]) -> Raster:
    out = bytearray()
    last, scaled = -1, b""
    black = bytes(len(columns) * 4)
    for y in rows:
        if y == raster.height:
            out += black
            continue
        if y != last:
            pixels = array("I", chain(raster.row(y, 0, raster.width).cast("I"), [0]))
            scaled = array("I", [pixels[x] for x in columns]).tobytes()
            last = y
        out += scaled
    return packed(len(columns), len(rows), out, alpha=raster.alpha)


def _interpolate(
    raster: Raster, part: Rect, steps: tuple[float, float], origin: tuple[int, int]
) -> Raster:
    from PIL import Image

    across, down = steps
    # Four channels that pillow does not take for colours and alpha, and black around them.
    size = raster.width, raster.height
    whole = bytes(raster.copy(raster.bounds).data)
    picture = Image.new("CMYK", (raster.width + 2, raster.height + 2))
    picture.paste(Image.frombuffer("CMYK", size, whole, "raw", "CMYK", 0, 1), (1, 1))
    scaled = picture.transform(
        (part.width, part.height),
        Image.Transform.AFFINE,
        (across, 0, across * origin[0] + 1, 0, down, down * origin[1] + 1),
        Image.Resampling.BILINEAR,
    )
    return packed(part.width, part.height, scaled.tobytes(), alpha=raster.alpha)
