"""Screenshots as PNG, whatever the hypervisor gives."""

from __future__ import annotations

import io
import re

from charly_vm.errors import HostError

_PPM = re.compile(rb"P6\n(\d+) (\d+)\n255\n")


def convert_to_png(image: bytes) -> bytes:
    """QEMU's PPM, or any other picture, as PNG."""
    from PIL import Image

    try:
        picture = Image.open(io.BytesIO(_without_padding(image)))
        converted = io.BytesIO()
        picture.save(converted, "PNG")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        # Of a broken PNG pillow raises SyntaxError.
        raise HostError(f"the screenshot ({len(image)} bytes) is not a picture") from error
    return converted.getvalue()


def _without_padding(image: bytes) -> bytes:
    """A PPM with the rows that its width says.

    QEMU (ppm_save of ui/console.c) writes rows as they lie in its memory, filled up to a multiple
    of 4 bytes, which the format does not know: each row would begin further to the right, such as
    on a screen of 1366 pixels.
    """
    header = _PPM.match(image)
    if header is None:
        return image
    width, height = int(header[1]), int(header[2])
    row = width * 3
    padded = (row + 3) // 4 * 4
    pixels = image[header.end() :]
    if padded == row or len(pixels) != padded * height:
        return image
    rows = (pixels[begin : begin + row] for begin in range(0, len(pixels), padded))
    return header[0] + b"".join(rows)
