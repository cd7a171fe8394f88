"""Strokes: lines of one pixel's width, as GDI's cosmetic pens draw them; pure.

A line ends before its last point, so that lines in a row share none. Coordinates on the wire are
in units of 1/16.
"""

from __future__ import annotations

import math
import struct
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from charly_vm.probe.spice.draw_messages import WireBrush, read_brush
from charly_vm.probe.spice.geometry import Point, Rect
from charly_vm.probe.spice.limits import MAX_DASHES, MAX_LINE_PIXELS, MAX_PATH_POINTS
from charly_vm.probe.spice.protocol.drawing import SpiceLineFlags, SpicePathFlags
from charly_vm.probe.spice.reader import Reader

_POINT = struct.Struct("<ii")


@dataclass(frozen=True, slots=True)
class Stroke:
    """Lines through points, in pixels; `dashes` are lengths in pixels, drawn and not in turn."""

    lines: list[list[Point]]
    dashes: list[int]
    offset: int
    brush: WireBrush
    fore_mode: int


def read_stroke(reader: Reader) -> Stroke:
    """Raises `SpiceProtocolError`."""
    path = reader.at(reader.u32())
    flags = reader.u8()
    styles: list[int] = []
    if flags & SpiceLineFlags.STYLED:
        count = reader.count(reader.u8(), 0, MAX_DASHES, "dashes")
        style = reader.at(reader.u32())
        styles = [max(_to_pixels(style.i32()), 0) for _ in range(count)]
    dashes, offset = _dashes(styles, gap=bool(flags & SpiceLineFlags.START_WITH_GAP))
    lines = _read_path(path)
    brush = read_brush(reader)
    mode = reader.u16()
    # What is between dashes is not drawn: that mode means nothing to anybody.
    reader.u16()
    return Stroke(lines, dashes, offset, brush, mode)


def spans(stroke: Stroke, limit: Rect) -> list[Rect]:
    """The pixels of the lines inside `limit`, as rectangles one pixel high.

    Raises ValueError for more than `MAX_LINE_PIXELS`.
    """
    found: list[Rect] = []
    total = 0
    ends = list(accumulate(stroke.dashes))
    for line in stroke.lines:
        walked = float(stroke.offset)
        for first, last in pairwise(line):
            steps = max(abs(last.x - first.x), abs(last.y - first.y))
            # Dashes are measured along the line, and a step across it is longer.
            length = math.hypot(last.x - first.x, last.y - first.y)
            for step, x, y in _pixels(first, last, limit):
                total += 1
                if total > MAX_LINE_PIXELS:
                    raise ValueError(f"its lines have more than {MAX_LINE_PIXELS} pixels")
                if ends and not _drawn(ends, walked + step * length / steps):
                    continue
                if found and found[-1].top == y and found[-1].right == x:
                    found[-1] = found[-1]._replace(right=x + 1)
                else:
                    found.append(Rect(x, y, x + 1, y + 1))
            walked += length
    return found


def _pixels(first: Point, last: Point, limit: Rect) -> Iterator[tuple[int, int, int]]:
    """The steps of a line that lie inside `limit`, each with its place."""
    across, down = last.x - first.x, last.y - first.y
    length = max(abs(across), abs(down))
    if not length or limit.empty:
        return
    # Half way between two pixels a line goes on to the next one, but not upwards or to the left:
    # so it has the same pixels in both directions. That is the X server's rule.
    if abs(across) > abs(down):
        low, high = _steps(first.x, across, limit.left, limit.right, length)
        half = length - (across < 0)
    else:
        low, high = _steps(first.y, down, limit.top, limit.bottom, length)
        half = length - (down < 0)
    right, below = (1 if across > 0 else -1), (1 if down > 0 else -1)
    for step in range(low, high):
        x = first.x + right * ((2 * step * abs(across) + half) // (2 * length))
        y = first.y + below * ((2 * step * abs(down) + half) // (2 * length))
        if limit.left <= x < limit.right and limit.top <= y < limit.bottom:
            yield step, x, y


def _steps(start: int, way: int, low: int, high: int, length: int) -> tuple[int, int]:
    """The steps at which the longer coordinate lies from `low` up to `high`."""
    if way > 0:
        return max(low - start, 0), min(high - start, length)
    return max(start - high + 1, 0), min(start - low + 1, length)


def _drawn(ends: list[int], walked: float) -> bool:
    return bisect_right(ends, walked % ends[-1]) % 2 == 0


def _dashes(styles: list[int], *, gap: bool) -> tuple[list[int], int]:
    """Lengths that begin with a drawn one, and how far into them a line begins."""
    if not sum(styles):
        return [], 0
    # With an odd number, what is drawn and what is not change places each time.
    dashes = styles * (1 + len(styles) % 2)
    if not gap:
        return dashes, 0
    dashes = [*dashes[1:], dashes[0]]
    return dashes, sum(dashes) - dashes[-1]


def _read_path(reader: Reader) -> list[list[Point]]:
    lines: list[list[Point]] = []
    line: list[Point] = []
    left = MAX_PATH_POINTS
    count = reader.count(reader.u32(), 5, MAX_PATH_POINTS, "segments of a path")
    for _ in range(count):
        flags, size = reader.u8(), reader.u32()
        reader.count(size, 8, left, "points of a path")
        left -= size
        points = [Point(*reader.fields(_POINT)) for _ in range(size)]
        if flags & SpicePathFlags.BEGIN:
            line = []
            lines.append(line)
            if points:
                line.append(_pixel(points.pop(0)))
        if not lines:
            lines.append(line)
        if flags & SpicePathFlags.BEZIER:
            left -= _append_curves(reader, line, points, left)
        else:
            line.extend(map(_pixel, points))
        if flags & SpicePathFlags.END:
            if flags & SpicePathFlags.CLOSE and line:
                line.append(line[0])
            line = []
            lines.append(line)
    return lines


def _append_curves(reader: Reader, line: list[Point], points: list[Point], left: int) -> int:
    """Bézier curves through three more points each; gives how many points they became."""
    if not line or len(points) % 3:
        raise reader.error("its curves lack points")
    before = len(line)
    for index in range(0, len(points), 3):
        start = Point(line[-1].x << 4, line[-1].y << 4)
        waiting = [(start, points[index], points[index + 1], points[index + 2])]
        while waiting:
            curve = waiting.pop()
            if _is_straight(curve):
                line.append(_pixel(curve[3]))
                if len(line) - before > left:
                    raise reader.error(f"its curves have more than {MAX_PATH_POINTS} points")
            else:
                first, second = _halve(curve)
                waiting += [second, first]
    return len(line) - before


_Curve = tuple[Point, Point, Point, Point]


def _is_straight(curve: _Curve) -> bool:
    """Whether its points are near enough to the line between its ends: the square of their
    distance is less than half a pixel."""
    start, one, two, end = curve
    across, down = end.x - start.x, end.y - start.y
    square = across * across + down * down
    if not square:
        return max(abs(p.x - start.x) + abs(p.y - start.y) for p in (one, two)) <= 8
    distances = [abs((p.x - start.x) * down - (p.y - start.y) * across) for p in (one, two)]
    # In units of 1/16 of a pixel: 128 is half of 16 squared.
    return max(distances) ** 2 < 128 * square


def _halve(curve: _Curve) -> tuple[_Curve, _Curve]:
    start, one, two, end = curve
    left, top, right = _middle(start, one), _middle(one, two), _middle(two, end)
    first, second = _middle(left, top), _middle(top, right)
    middle = _middle(first, second)
    return (start, left, first, middle), (middle, second, right, end)


def _middle(one: Point, other: Point) -> Point:
    return Point((one.x + other.x) // 2, (one.y + other.y) // 2)


def _pixel(point: Sequence[int]) -> Point:
    return Point(_to_pixels(point[0]), _to_pixels(point[1]))


def _to_pixels(fixed: int) -> int:
    return (fixed + 7) >> 4
