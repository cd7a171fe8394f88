"""Points, rectangles and regions in pixels; pure. Regions are lists of rectangles."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from charly_vm.probe.spice.reader import Reader

_RECT = struct.Struct("<4i")

_MAX_OVERLAPPING = 1024
"""Rectangles that are taken apart. A server's regions do not overlap; one that lies has few."""


class Point(NamedTuple):
    x: int
    y: int


class Rect(NamedTuple):
    """From `left` and `top` up to, and without, `right` and `bottom`."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def empty(self) -> bool:
        return self.right <= self.left or self.bottom <= self.top

    @property
    def area(self) -> int:
        return 0 if self.empty else self.width * self.height

    def intersect(self, other: Rect) -> Rect:
        return Rect(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        )

    def shift(self, x: int, y: int) -> Rect:
        return Rect(self.left + x, self.top + y, self.right + x, self.bottom + y)


def read_rect(reader: Reader) -> Rect:
    """On the wire it is top, left, bottom, right."""
    top, left, bottom, right = reader.fields(_RECT)
    return Rect(left, top, right, bottom)


def read_point(reader: Reader) -> Point:
    return Point(reader.i32(), reader.i32())


def clip(box: Rect, rects: Iterable[Rect] | None) -> list[Rect]:
    """The parts of `box` that lie in any of `rects`, without overlaps; None is no limit.

    Raises ValueError for very many rectangles that overlap: painting them would take hours.
    """
    if box.empty:
        return []
    if rects is None:
        return [box]
    parts = [part for rect in rects if not (part := box.intersect(rect)).empty]
    if sum(part.area for part in parts) <= box.area:
        return parts
    if len(parts) > _MAX_OVERLAPPING:
        raise ValueError(f"{len(parts)} clip rectangles overlap")
    return _take_apart(parts)


def bands(region: Iterable[Rect], pixels: int) -> Iterator[Rect]:
    """The same pixels in rectangles of about so many at the most."""
    for rect in region:
        height = max(1, pixels // max(rect.width, 1))
        for top in range(rect.top, rect.bottom, height):
            yield rect._replace(top=top, bottom=min(top + height, rect.bottom))


def _take_apart(rects: list[Rect]) -> list[Rect]:
    """The same pixels, in bands from top to bottom."""
    edges = sorted({rect.top for rect in rects} | {rect.bottom for rect in rects})
    bands: list[Rect] = []
    for top, bottom in itertools.pairwise(edges):
        spans = sorted(
            (rect.left, rect.right) for rect in rects if rect.top <= top and rect.bottom >= bottom
        )
        end = None
        for left, right in spans:
            if end is not None and left <= end:
                if right > end:
                    bands[-1] = bands[-1]._replace(right=right)
                    end = right
            else:
                bands.append(Rect(left, top, right, bottom))
                end = right
    return bands
