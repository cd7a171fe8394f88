"""Pixels, as images and surfaces have them.

All pixels are four bytes: blue, green, red, and a byte that is alpha or means nothing. What comes
with fewer bits is widened when it is decoded, by repeating the upper bits, which raster
operations do not notice: they work on each bit alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from charly_vm.probe.spice.geometry import Rect
from charly_vm.probe.spice.protocol.drawing import SpiceSurfaceFmt
from charly_vm.probe.spice.reader import Buffer


@dataclass(frozen=True, slots=True)
class Raster:
    """A picture in somebody's memory: the row `y` begins at byte `start + y * stride`.

    `stride` is negative for rows from bottom to top. With `alpha` the fourth byte counts, and the
    colours are premultiplied by it.
    """

    width: int
    height: int
    data: memoryview
    stride: int
    start: int = 0
    alpha: bool = False

    @property
    def bounds(self) -> Rect:
        return Rect(0, 0, self.width, self.height)

    def row(self, y: int, left: int, right: int) -> memoryview:
        """The pixels of one row from `left` up to `right`; all of it has to lie inside."""
        begin = self.start + y * self.stride
        return self.data[begin + left * 4 : begin + right * 4]

    def copy(self, area: Rect) -> Raster:
        """A part, in memory of its own."""
        data = bytearray(area.width * area.height * 4)
        size = area.width * 4
        for index in range(area.height):
            row = self.row(area.top + index, area.left, area.right)
            data[index * size : (index + 1) * size] = row
        return packed(area.width, area.height, data, alpha=self.alpha)


def packed(
    width: int, height: int, data: Buffer, *, alpha: bool = False, top_down: bool = True
) -> Raster:
    """A raster of rows that follow each other without a gap."""
    stride = width * 4
    view = memoryview(data)
    if top_down:
        return Raster(width, height, view, stride, 0, alpha)
    return Raster(width, height, view, -stride, (height - 1) * stride, alpha)


@dataclass(slots=True)
class Surface:
    """What a server draws on. Surface 0 is the screen."""

    number: int
    width: int
    height: int
    format: SpiceSurfaceFmt
    data: bytearray = field(init=False, repr=False)
    drawn: bool = False
    covered: bool = False
    """Whether all of it was drawn at once, as a server does for a client that is new."""

    def __post_init__(self) -> None:
        self.data = bytearray(self.width * self.height * 4)

    @property
    def bounds(self) -> Rect:
        return Rect(0, 0, self.width, self.height)

    @property
    def alpha(self) -> bool:
        return self.format in (SpiceSurfaceFmt.ARGB32, SpiceSurfaceFmt.A8, SpiceSurfaceFmt.A1)

    def raster(self) -> Raster:
        """Its pixels as an image; they change when it is drawn on."""
        return packed(self.width, self.height, self.data, alpha=self.alpha)
