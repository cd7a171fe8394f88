"""Combining pattern, source and destination on a surface, row by row; pure.

A row is one large number, so that Python's integers do the bits of a thousand pixels at once.
"""

from __future__ import annotations

from collections.abc import Iterable

from charly_vm.probe.spice.canvas.rop import (
    DESTINATION,
    PATTERN,
    SOURCE,
    combine,
    uses,
)
from charly_vm.probe.spice.canvas.sources import Mask, Rows, Solid
from charly_vm.probe.spice.geometry import Rect
from charly_vm.probe.spice.raster import Surface

NOTHING = Solid(0)


def paint(
    surface: Surface,
    region: Iterable[Rect],
    ternary: int,
    *,
    pattern: Rows = NOTHING,
    source: Rows = NOTHING,
    mask: Mask | None = None,
) -> None:
    """Apply an operation in a region that lies on the surface.

    Nothing is painted where an input that counts has no pixels.
    """
    surface.drawn = True
    if ternary == DESTINATION:
        return
    limits: list[Rows] = [mask] if mask is not None else []
    if uses(ternary, SOURCE):
        limits.append(source)
    if uses(ternary, PATTERN):
        limits.append(pattern)
    for rect in region:
        area = rect
        for one in limits:
            area = one.within(area)
        if area.empty:
            continue
        if mask is None and ternary in (SOURCE, PATTERN):
            _copy(surface, area, source if ternary == SOURCE else pattern)
        else:
            _combine(surface, area, ternary, pattern, source, mask)


def move(surface: Surface, region: Iterable[Rect], x: int, y: int) -> None:
    """Copy the surface's own pixels, each part of the region from (x, y) further on."""
    surface.drawn = True
    whole = surface.bounds
    parts = [part for rect in region if not (part := rect.intersect(whole.shift(-x, -y))).empty]
    # All is read before anything is written: the parts may lie on what others copy from.
    raster = surface.raster()
    copies = [(part, raster.copy(part.shift(x, y))) for part in parts]
    view = memoryview(surface.data)
    for part, copied in copies:
        size = part.width * 4
        for index in range(part.height):
            begin = ((part.top + index) * surface.width + part.left) * 4
            view[begin : begin + size] = copied.row(index, 0, part.width)


def _copy(surface: Surface, area: Rect, rows: Rows) -> None:
    size = area.width * 4
    view = memoryview(surface.data)
    begin = (area.top * surface.width + area.left) * 4
    for y in range(area.top, area.bottom):
        view[begin : begin + size] = rows.row(y, area.left, area.right)
        begin += surface.width * 4


def _combine(
    surface: Surface, area: Rect, ternary: int, pattern: Rows, source: Rows, mask: Mask | None
) -> None:
    size = area.width * 4
    ones = (1 << size * 8) - 1
    view = memoryview(surface.data)
    with_pattern, with_source = uses(ternary, PATTERN), uses(ternary, SOURCE)
    number = int.from_bytes
    p = s = 0
    begin = (area.top * surface.width + area.left) * 4
    for y in range(area.top, area.bottom):
        d = number(view[begin : begin + size], "little")
        if with_pattern:
            p = number(pattern.row(y, area.left, area.right), "little")
        if with_source:
            s = number(source.row(y, area.left, area.right), "little")
        result = combine(ternary, p, s, d, ones)
        if mask is not None:
            m = number(mask.row(y, area.left, area.right), "little")
            result = result & m | d & (m ^ ones)
        view[begin : begin + size] = result.to_bytes(size, "little")
        begin += surface.width * 4
