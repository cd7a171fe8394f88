"""Two pictures of a screen: how many pixels differ, and a picture that shows which. Pure."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from charly_vm.errors import HostError

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

Box = tuple[int, int, int, int]
"""Left, top, width and height, in pixels."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What a comparison has found."""

    pixels: int
    """How many differ."""
    of: int
    """How many were looked at."""
    picture: bytes = field(repr=False)
    """A PNG of the size of what was looked at: grey where both are alike, red where they differ."""

    @property
    def share(self) -> float:
        """The share that differs, from 0 to 1."""
        return self.pixels / self.of


def compare_pictures(
    found: bytes, expected: bytes, *, colour_tolerance: int = 0, region: Box | None = None
) -> Difference | str:
    """What differs between two pictures, or in words why they cannot be compared.

    A pixel differs where its red, green or blue does by more than `colour_tolerance`, of 255.
    Transparency is not looked at: a screen has none. Raises `HostError` for what is no picture.
    """
    from PIL import Image, ImageChops

    here, there = _open(found, "the screen's picture"), _open(expected, "the expected picture")
    if here.size != there.size:
        sizes = [f"{width}x{height}" for width, height in (here.size, there.size)]
        return f"the screen has {sizes[0]} and the expected picture {sizes[1]}"
    if region is not None:
        left, top, width, height = region
        box = (left, top, left + width, top + height)
        if not (0 <= left < box[2] <= here.width and 0 <= top < box[3] <= here.height):
            return (
                f"the region {width}x{height}+{left}+{top} is not within {here.width}x{here.height}"
            )
        here, there = here.crop(box), there.crop(box)
    red, green, blue = ImageChops.difference(here, there).split()
    most = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    # 255 where a pixel differs and 0 where it does not.
    differs = most.point([0] * (colour_tolerance + 1) + [255] * (255 - colour_tolerance))
    pixels = differs.histogram()[255]
    shown = Image.eval(here.convert("L"), lambda light: 128 + light // 2).convert("RGB")
    shown.paste((220, 0, 0), mask=differs)
    return Difference(pixels, here.width * here.height, _to_png(shown))


def _open(content: bytes, what: str) -> Picture:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content)) as picture:
            return picture.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        # Of a broken PNG pillow raises SyntaxError.
        raise HostError(f"{what} is not one that can be read: {error}") from error


def _to_png(picture: Picture) -> bytes:
    written = io.BytesIO()
    picture.save(written, "PNG")
    return written.getvalue()
