"""Images under a transformation, as composition has its sources and masks; pure."""

from __future__ import annotations

from array import array
from collections.abc import Callable

from charly_vm.probe.spice.draw_messages import Transform
from charly_vm.probe.spice.raster import Raster, packed

_NOTHING = bytes(4)

Place = Callable[[int, int], int]
"""From a coordinate and the image's size to one that lies in the image, or -1."""


def _nowhere(at: int, size: int) -> int:
    return at if 0 <= at < size else -1


def _again(at: int, size: int) -> int:
    return at % size


def _edge(at: int, size: int) -> int:
    return min(max(at, 0), size - 1)


def _mirrored(at: int, size: int) -> int:
    at %= 2 * size
    return at if at < size else 2 * size - 1 - at


REPEATS: tuple[Place, ...] = (_nowhere, _again, _edge, _mirrored)
"""By the protocol's number, which is pixman's: none, normal, pad, reflect."""

_SMOOTH = (1, 2, 4)
"""Filters of pixman's that look at neighbours: good, best, bilinear."""


def sample(
    raster: Raster,
    x: int,
    y: int,
    width: int,
    height: int,
    *,
    transform: Transform | None,
    repeat: int,
    filtering: int,
    opaque: bool,
) -> Raster:
    """`width` by `height` pixels from (x, y) on, as they are after the transformation.

    With `opaque` the image's alpha does not count. Under a transformation each pixel takes a
    microsecond or more.
    """
    place = REPEATS[repeat]
    opaque = opaque or not raster.alpha
    if transform is None:
        columns = [place(x + column, raster.width) for column in range(width)]
        lines = [place(y + row, raster.height) for row in range(height)]
        return _gather(raster, columns, lines, opaque=opaque)
    pixel = _pixels(raster, place, opaque=opaque)
    look = _smooth(pixel) if filtering in _SMOOTH else _near(pixel)
    a, b, c, d, e, f = (value / 65536 for value in transform)
    out = bytearray()
    for row in range(height):
        down = y + row + 0.5
        for column in range(width):
            across = x + column + 0.5
            out += look(a * across + b * down + c, d * across + e * down + f)
    return packed(width, height, out, alpha=True)


def _gather(raster: Raster, columns: list[int], lines: list[int], *, opaque: bool) -> Raster:
    """The pixels at these places; nothing at -1."""
    nothing = bytes(4 * len(columns))
    rows: dict[int, bytes] = {-1: nothing}
    out = bytearray()
    for line in lines:
        if line not in rows:
            row = array("I", raster.row(line, 0, raster.width).tobytes())
            if opaque:
                whole = bytearray(row.tobytes())
                whole[3::4] = b"\xff" * raster.width
                row = array("I", bytes(whole))
            row.append(0)
            rows = {-1: nothing, line: array("I", [row[at] for at in columns]).tobytes()}
        out += rows[line]
    return packed(len(columns), len(lines), out, alpha=True)


def _pixels(raster: Raster, place: Place, *, opaque: bool) -> Callable[[int, int], bytes]:
    def pixel(x: int, y: int) -> bytes:
        column, row = place(x, raster.width), place(y, raster.height)
        if column < 0 or row < 0:
            return _NOTHING
        found = bytes(raster.row(row, column, column + 1))
        return found[:3] + b"\xff" if opaque else found

    return pixel


def _near(pixel: Callable[[int, int], bytes]) -> Callable[[float, float], bytes]:
    return lambda x, y: pixel(int(x // 1), int(y // 1))


def _smooth(pixel: Callable[[int, int], bytes]) -> Callable[[float, float], bytes]:
    def look(x: float, y: float) -> bytes:
        left, top = int((x - 0.5) // 1), int((y - 0.5) // 1)
        right_part, lower_part = x - 0.5 - left, y - 0.5 - top
        weights = (
            (1 - right_part) * (1 - lower_part),
            right_part * (1 - lower_part),
            (1 - right_part) * lower_part,
            right_part * lower_part,
        )
        four = (
            pixel(left, top),
            pixel(left + 1, top),
            pixel(left, top + 1),
            pixel(left + 1, top + 1),
        )
        return bytes(
            int(sum(w * one[plane] for w, one in zip(weights, four, strict=True)) + 0.5)
            for plane in range(4)
        )

    return look
