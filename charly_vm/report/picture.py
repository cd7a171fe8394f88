"""Screenshots and pictures from the guest, made small enough for a page that holds them all."""

from __future__ import annotations

import base64
import io
import math
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from charly_vm.report.model import Picture

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".ppm")

_WIDEST = 960
_NARROWEST = 240
"""Pixels; on what is smaller nobody sees anything."""

_PIXELS_PER_BYTE = 17
"""Of a console full of text; from there on it is made smaller until it fits."""

_HIGHEST = 2000
"""Pixels, of what somebody has made into one long picture."""


def embed_picture(file: Path, limit: int) -> Picture | None:
    """The picture as wide as a URI of at most `limit` characters allows.

    None for what is no picture, or would not even fit as the smallest.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings():
            # A small file can be a picture that fills the memory.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file) as opened:
                whole = opened.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Warning):
        return None
    width = min(_WIDEST, int(math.sqrt(limit * _PIXELS_PER_BYTE)))
    while width >= _NARROWEST:
        # Never larger than it is.
        whole.thumbnail((width, _HIGHEST), Image.Resampling.BILINEAR, reducing_gap=2)
        picture = _encode(whole)
        if len(picture.uri) <= limit:
            return picture
        # The bytes go about with the area.
        width = int(picture.width * min(0.9, math.sqrt(limit / len(picture.uri)) * 0.96))
    return None


def _encode(image: Image.Image) -> Picture:
    stream = io.BytesIO()
    image.save(stream, "WEBP", quality=55, method=2)
    data = base64.b64encode(stream.getvalue()).decode()
    return Picture(f"data:image/webp;base64,{data}", *image.size)
