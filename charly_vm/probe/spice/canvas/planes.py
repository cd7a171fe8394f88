"""What needs arithmetic and not only bits: blending, and the operators of composition.

The planes of a rectangle, one each for blue, green, red and alpha, are pictures of pillow's, which
multiplies and adds bytes as pixman does: in units of 1/255, rounded. Colours are premultiplied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from charly_vm.probe.spice.canvas.sources import Rows
from charly_vm.probe.spice.geometry import Rect
from charly_vm.probe.spice.raster import Surface

if TYPE_CHECKING:
    from PIL import Image

    Plane = Image.Image


def load_planes(rows: Rows, rect: Rect, *, alpha: bool) -> list[Plane]:
    """The four planes of a rectangle; without `alpha` it is opaque."""
    from PIL import Image

    pixels = b"".join(
        [bytes(rows.row(y, rect.left, rect.right)) for y in range(rect.top, rect.bottom)]
    )
    size = rect.width, rect.height
    planes = [Image.frombytes("L", size, pixels[index::4]) for index in range(3)]
    planes.append(Image.frombytes("L", size, pixels[3::4]) if alpha else Image.new("L", size, 255))
    return planes


def store_planes(surface: Surface, rect: Rect, planes: Iterable[Plane]) -> None:
    """Write planes into the surface; where there are only three its alpha stays."""
    surface.drawn = True
    size = rect.width
    for index, plane in enumerate(planes):
        data = plane.tobytes()
        for y in range(rect.height):
            begin = ((rect.top + y) * surface.width + rect.left) * 4
            surface.data[begin + index : begin + size * 4 : 4] = data[y * size : (y + 1) * size]


def flat(plane: Plane, value: int) -> Plane:
    """A plane of that size with one value everywhere."""
    from PIL import Image

    return Image.new("L", plane.size, value)


def multiply(plane: Plane, factor: Plane) -> Plane:
    """The product in units of 1/255, rounded; pillow's own `multiply` would cut it off."""
    from PIL import Image

    return Image.composite(plane, flat(plane, 0), factor)


def scaled(planes: list[Plane], factor: Plane) -> list[Plane]:
    """Each plane, multiplied by another."""
    return [multiply(plane, factor) for plane in planes]


def over(source: list[Plane], destination: list[Plane], alphas: list[Plane]) -> list[Plane]:
    """Source over destination; `alphas` is the source's alpha for each of the planes."""
    from PIL import ImageChops

    return [
        ImageChops.add(one, multiply(other, ImageChops.invert(alpha)))
        for one, other, alpha in zip(source, destination, alphas, strict=False)
    ]


_Factor = Callable[["Plane", "Plane"], "Plane | None"]
"""From the source's alpha and the destination's to what a colour is multiplied by; None is 1."""


def _zero(source: Plane, destination: Plane) -> Plane | None:
    return flat(source, 0)


def _one(source: Plane, destination: Plane) -> Plane | None:
    return None


def _source(source: Plane, destination: Plane) -> Plane | None:
    return source


def _destination(source: Plane, destination: Plane) -> Plane | None:
    return destination


def _no_source(source: Plane, destination: Plane) -> Plane | None:
    from PIL import ImageChops

    return ImageChops.invert(source)


def _no_destination(source: Plane, destination: Plane) -> Plane | None:
    from PIL import ImageChops

    return ImageChops.invert(destination)


def _saturation(source: Plane, destination: Plane) -> Plane | None:
    """As much of the source as there is room for."""
    from PIL import Image

    room = [
        255 if alpha <= 255 - there else (255 - there) * 255 // alpha
        for alpha, there in zip(source.tobytes(), destination.tobytes(), strict=True)
    ]
    return Image.frombytes("L", source.size, bytes(room))


OPERATORS: tuple[tuple[_Factor, _Factor], ...] = (
    (_zero, _zero),
    (_one, _zero),
    (_zero, _one),
    (_one, _no_source),
    (_no_destination, _one),
    (_destination, _zero),
    (_zero, _source),
    (_no_destination, _zero),
    (_zero, _no_source),
    (_destination, _no_source),
    (_no_destination, _source),
    (_no_destination, _no_source),
    (_one, _one),
    (_saturation, _one),
)
"""Of the X Render extension, by number: clear, src, dst, over, over reverse, in, in reverse, out,
out reverse, atop, atop reverse, xor, add, saturate. The factors are the source's and the
destination's."""


def compose(
    operator: int, source: list[Plane], destination: list[Plane], alphas: list[Plane]
) -> list[Plane]:
    """Combine planes by one of `OPERATORS`; `alphas` is the source's alpha for each of them."""
    from PIL import ImageChops

    of_source, of_destination = OPERATORS[operator]
    there = destination[3]
    result = []
    for one, other, alpha in zip(source, destination, alphas, strict=True):
        factor, other_factor = of_source(alpha, there), of_destination(alpha, there)
        first = one if factor is None else multiply(one, factor)
        second = other if other_factor is None else multiply(other, other_factor)
        result.append(ImageChops.add(first, second))
    return result
