"""Several pictures of one screen, each by another way, that have to be the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PIL import Image, ImageChops

from charly_vm.host.waiting import Deadline, NotYet, wait_for

SECONDS = 10.0


def find_difference(pictures: Mapping[str, Image.Image]) -> str:
    """Where each picture is another one than the first; empty where all are the same, pixel by
    pixel."""
    (name, first), *others = pictures.items()
    for other, picture in others:
        if picture.size != first.size:
            return f"{name} has {first.size} pixels, and {other} {picture.size}"
        box = ImageChops.difference(first, picture).getbbox()
        if box is not None:
            place = box[0], box[1]
            return (
                f"they differ in {box}; at {place}, {name} has {first.getpixel(place)} and "
                f"{other} {picture.getpixel(place)}"
            )
    return ""


def wait_for_same_pictures(look: Callable[[], Mapping[str, Image.Image]]) -> Image.Image:
    """The picture that all ways to look at the screen agree on, in the end.

    The screen has to be at rest. The hypervisor's own picture is of this moment, and a client's of
    the last time that the server looked at the card, which it does every 30 ms.
    """

    def probe() -> Image.Image | NotYet:
        pictures = look()
        difference = find_difference(pictures)
        return NotYet(difference) if difference else next(iter(pictures.values()))

    return wait_for("the same picture by all ways", probe, Deadline(SECONDS), every=0.05)


def count_colours(picture: Image.Image) -> int:
    return len(picture.getcolors(picture.width * picture.height) or ())
