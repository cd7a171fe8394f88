"""Screenshots as PNG, whatever the hypervisor gives."""

from __future__ import annotations

import io

from charly_vm.errors import HostError


def convert_to_png(image: bytes) -> bytes:
    """QEMU's PPM, or any other picture, as PNG."""
    from PIL import Image

    try:
        picture = Image.open(io.BytesIO(image))
        converted = io.BytesIO()
        picture.save(converted, "PNG")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        # Of a broken PNG pillow raises SyntaxError.
        raise HostError(f"the screenshot ({len(image)} bytes) is not a picture") from error
    return converted.getvalue()
