"""A picture of the screen, or of the cursor."""

from __future__ import annotations

import io
from dataclasses import dataclass, field

from charly_vm.probe.spice.geometry import Rect
from charly_vm.probe.spice.raster import Raster


@dataclass(frozen=True, slots=True)
class Picture:
    """`width` times `height` pixels from the top left on, of three bytes, or four with `alpha`.

    The bytes of a pixel are red, green, blue, and alpha if there is one, not premultiplied.
    """

    width: int
    height: int
    pixels: bytes = field(repr=False)
    alpha: bool = False

    def pixel(self, x: int, y: int) -> tuple[int, ...]:
        """The bytes of one pixel. Raises IndexError outside of the picture."""
        if not (0 <= x < self.width and 0 <= y < self.height):
            raise IndexError(f"({x}, {y}) is outside of {self.width}x{self.height} pixels")
        size = 4 if self.alpha else 3
        begin = (y * self.width + x) * size
        return tuple(self.pixels[begin : begin + size])

    def to_png(self) -> bytes:
        from PIL import Image

        mode = "RGBA" if self.alpha else "RGB"
        picture = Image.frombuffer(mode, (self.width, self.height), self.pixels, "raw", mode, 0, 1)
        written = io.BytesIO()
        # Level 1 is three times as fast, and text screens become hardly larger.
        picture.save(written, "PNG", compress_level=1)
        return written.getvalue()


def picture_of(raster: Raster, area: Rect) -> Picture:
    """The colours of a part of a raster.

    One byte of each pixel is copied at a time, which takes 2 ms for 1024x768 pixels, and a quarter
    of a frame beside the result; by a memoryview it would take ten times as long.
    """
    whole = area == raster.bounds and raster.stride == raster.width * 4
    source = (raster if whole else raster.copy(area)).data.obj
    assert isinstance(source, bytes | bytearray)
    pixels = bytearray(area.width * area.height * 3)
    for plane in range(3):
        pixels[plane::3] = source[2 - plane :: 4]
    return Picture(area.width, area.height, bytes(pixels))
