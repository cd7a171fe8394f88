"""JPEG, and JPEG with an alpha channel beside it that is compressed as LZ does it."""

from __future__ import annotations

import io
import struct

from charly_vm.probe.spice.codecs.lz import decode_lz_alpha
from charly_vm.probe.spice.raster import Raster, packed


def decode_jpeg(data: memoryview, width: int, height: int) -> Raster:
    """Raises ValueError for data that is no JPEG of these dimensions."""
    return packed(width, height, _colours(data, width, height))


def decode_jpeg_alpha(data: memoryview, jpeg_size: int, width: int, height: int) -> Raster:
    """`jpeg_size` bytes of JPEG, and the alpha behind them. Raises ValueError."""
    if jpeg_size > len(data):
        raise ValueError("its JPEG is longer than all of it")
    pixels = bytearray(_colours(data[:jpeg_size], width, height))
    alpha, top_down = decode_lz_alpha(data[jpeg_size:], width, height)
    if not top_down:
        # The colours run from the top in any case.
        rows = [alpha[row * width : (row + 1) * width] for row in range(height)]
        alpha = b"".join(reversed(rows))
    pixels[3::4] = alpha
    return packed(width, height, pixels, alpha=True)


def _colours(data: memoryview, width: int, height: int) -> bytes:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as picture:
            # Only the header has been read by now.
            if picture.size != (width, height):
                raise ValueError(f"it says {picture.size} inside and {(width, height)} outside")
            return picture.convert("RGB").tobytes("raw", "BGRX")
    except (OSError, SyntaxError, struct.error, Image.DecompressionBombError, Warning) as error:
        raise ValueError(f"it is no JPEG: {error}") from error
