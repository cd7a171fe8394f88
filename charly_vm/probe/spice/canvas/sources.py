"""Images, brushes and masks, as the rows that a raster operation combines; pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Protocol

from charly_vm.probe.spice.geometry import Rect
from charly_vm.probe.spice.raster import Raster
from charly_vm.probe.spice.reader import Buffer


class Rows(Protocol):
    """Something that has pixels for places on a surface."""

    def within(self, rect: Rect) -> Rect:
        """The part of a surface's rectangle for which there are pixels."""
        ...

    def row(self, y: int, left: int, right: int) -> Buffer:
        """The pixels for that part of a surface's row."""
        ...


@dataclass(frozen=True, slots=True)
class Placed:
    """An image whose upper left corner is at (x, y) of the surface."""

    raster: Raster
    x: int
    y: int

    def within(self, rect: Rect) -> Rect:
        return rect.intersect(self.raster.bounds.shift(self.x, self.y))

    def row(self, y: int, left: int, right: int) -> Buffer:
        return self.raster.row(y - self.y, left - self.x, right - self.x)


class Solid:
    """One colour everywhere, as 0xAARRGGBB."""

    def __init__(self, colour: int) -> None:
        self._pixel = (colour & 0xFFFFFFFF).to_bytes(4, "little")
        self._row = b""

    def within(self, rect: Rect) -> Rect:
        return rect

    def row(self, y: int, left: int, right: int) -> Buffer:
        size = (right - left) * 4
        if len(self._row) < size:
            self._row = self._pixel * (right - left)
        return memoryview(self._row)[:size]


@dataclass(frozen=True, slots=True)
class Tiled:
    """An image that repeats in both directions; one of its corners is at (x, y)."""

    raster: Raster
    x: int
    y: int

    def within(self, rect: Rect) -> Rect:
        return rect

    def row(self, y: int, left: int, right: int) -> Buffer:
        width = self.raster.width
        tile = bytes(self.raster.row((y - self.y) % self.raster.height, 0, width))
        phase = (left - self.x) % width
        times = (phase + right - left + width - 1) // width
        return (tile * times)[phase * 4 : (phase + right - left) * 4]


class Mask(Protocol):
    """Where a surface is painted on, and where it is left alone."""

    def within(self, rect: Rect) -> Rect:
        """The part of a surface's rectangle of which the mask says anything; the rest is left."""
        ...

    def row(self, y: int, left: int, right: int) -> Buffer:
        """Four bytes per pixel, of ones where it is painted on and of zeros elsewhere."""
        ...


@dataclass(frozen=True, slots=True)
class BitMask:
    """One bit per pixel, the leftmost the highest of its byte; (x, y) is the corner's place."""

    width: int
    height: int
    rows: memoryview
    stride: int
    start: int
    x: int
    y: int
    inverted: bool

    def within(self, rect: Rect) -> Rect:
        return rect.intersect(Rect(0, 0, self.width, self.height).shift(self.x, self.y))

    def row(self, y: int, left: int, right: int) -> Buffer:
        begin = self.start + (y - self.y) * self.stride
        first, last = left - self.x, right - self.x
        table = _expansions(self.inverted)
        bits = self.rows[begin + first // 8 : begin + (last + 7) // 8]
        wide = b"".join(map(table.__getitem__, bits))
        skip = first % 8 * 4
        return wide[skip : skip + (last - first) * 4]


@dataclass(frozen=True, slots=True)
class RasterMask:
    """An image whose pixels are white where it is painted on, and black elsewhere."""

    placed: Placed
    inverted: bool

    def within(self, rect: Rect) -> Rect:
        return self.placed.within(rect)

    def row(self, y: int, left: int, right: int) -> Buffer:
        row = self.placed.row(y, left, right)
        return bytes(row).translate(_COMPLEMENT) if self.inverted else row


_COMPLEMENT = bytes(range(255, -1, -1))


@cache
def _expansions(inverted: bool) -> list[bytes]:
    on, off = b"\xff" * 4, bytes(4)
    if inverted:
        on, off = off, on
    return [b"".join(on if byte << bit & 0x80 else off for bit in range(8)) for byte in range(256)]
