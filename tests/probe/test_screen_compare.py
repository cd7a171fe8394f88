from __future__ import annotations

import io

import pytest
from PIL import Image

from charly_vm.errors import HostError
from charly_vm.probe.screen.compare import Difference, compare_pictures


def picture(*changed: tuple[int, int], size: tuple[int, int] = (40, 30), by: int = 60) -> bytes:
    """A grey picture as PNG, in which some pixels have more green."""
    image = Image.new("RGB", size, (100, 100, 100))
    for at in changed:
        image.putpixel(at, (100, 100 + by, 100))
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()


def compare(*pictures: bytes, **more: object) -> Difference:
    found = compare_pictures(*pictures, **more)  # type: ignore[arg-type]
    assert isinstance(found, Difference)
    return found


def test_the_same_picture_does_not_differ() -> None:
    assert compare(picture((1, 1)), picture((1, 1))).pixels == 0


def test_each_pixel_counts_once_and_is_shown_where_it_is() -> None:
    found = compare(picture((3, 4), (39, 29)), picture())
    assert (found.pixels, found.of) == (2, 40 * 30)
    assert found.share == pytest.approx(2 / 1200)
    shown = Image.open(io.BytesIO(found.picture))
    assert shown.size == (40, 30)
    red = [(x, y) for x in range(40) for y in range(30) if shown.getpixel((x, y)) == (220, 0, 0)]
    assert red == [(3, 4), (39, 29)]


@pytest.mark.parametrize(("tolerance", "pixels"), [(0, 1), (59, 1), (60, 0), (255, 0)])
def test_a_colour_may_differ_by_so_much_and_no_more(tolerance: int, pixels: int) -> None:
    assert compare(picture((0, 0)), picture(), colour_tolerance=tolerance).pixels == pixels


def test_only_the_region_is_looked_at() -> None:
    found = compare(picture((3, 4), (20, 20)), picture(), region=(0, 0, 10, 10))
    assert (found.pixels, found.of) == (1, 100)
    assert Image.open(io.BytesIO(found.picture)).size == (10, 10)


@pytest.mark.parametrize("region", [(30, 0, 11, 5), (0, 0, 0, 5), (0, 28, 5, 3)])
def test_a_region_beyond_the_picture_is_told(region: tuple[int, int, int, int]) -> None:
    said = compare_pictures(picture(), picture(), region=region)
    assert isinstance(said, str)
    assert "is not within 40x30" in said


def test_pictures_of_two_sizes_are_told_apart() -> None:
    said = compare_pictures(picture(), picture(size=(80, 60)))
    assert said == "the screen has 40x30 and the expected picture 80x60"


def test_a_broken_picture_is_told_as_one() -> None:
    broken = bytearray(picture())
    at = broken.index(b"IDAT")
    broken[at - 4 : at] = b"\0\0\0\1"
    with pytest.raises(HostError, match="the screen's picture is not one that can be read"):
        compare_pictures(bytes(broken), picture())


def test_what_is_no_picture_is_said_of_the_one_that_is_none() -> None:
    with pytest.raises(HostError, match="the expected picture is not one that can be read"):
        compare_pictures(picture(), b"no picture")
