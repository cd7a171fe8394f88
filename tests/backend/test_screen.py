"""Screenshots become PNG."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from charly_vm.backend.screen import convert_to_png
from charly_vm.errors import HostError


def test_a_ppm_becomes_a_png_of_the_same_pixels() -> None:
    pixels = bytes([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9])
    picture = Image.open(io.BytesIO(convert_to_png(b"P6\n2 2\n255\n" + pixels)))
    assert picture.format == "PNG"
    assert picture.tobytes() == pixels


@pytest.mark.parametrize("data", [b"", b"no picture", b"P6\n2 2\n255\n\xff"])
def test_what_is_no_picture_is_an_error(data: bytes) -> None:
    with pytest.raises(HostError, match=f"{len(data)} bytes"):
        convert_to_png(data)


def test_rows_that_qemu_fills_up_lose_what_does_not_belong_to_them() -> None:
    rows = [bytes(range(9)), bytes(range(9, 18))]
    image = b"P6\n3 2\n255\n" + b"".join(row + b"\0\0\0" for row in rows)
    picture = Image.open(io.BytesIO(convert_to_png(image)))
    assert (picture.size, picture.tobytes()) == ((3, 2), b"".join(rows))
