"""A QXL card and a session that looks at it, side by side."""

from __future__ import annotations

import random
import struct

import pytest
from PIL import Image, ImageChops, ImageStat
from qxl_card import NO_MASK, Box, Draw, QxlCard, rect, solid
from spice_machine import SpiceMachine

from charly_vm.host.waiting import Deadline, NotYet, wait_for
from charly_vm.probe.spice import Picture, SpiceSession
from charly_vm.probe.spice.protocol.drawing import SpiceBitmapFmt, SpiceRopd

WIDTH, HEIGHT = 160, 120
PUT = SpiceRopd.OP_PUT
SCREEN: Box = (0, 0, WIDTH, HEIGHT)


class Bench:
    """A card, and a session that looks at it."""

    def __init__(self, machine: SpiceMachine, card: QxlCard, spice: SpiceSession) -> None:
        self.machine = machine
        self.card = card
        self.spice = spice
        self._marks = 0

    def clear(self) -> None:
        """A background that tells drawn from not drawn: a ramp in each direction."""
        data = b"".join(
            bytes(((x * 255) // WIDTH, (y * 255) // HEIGHT, (x * y) & 255, 0))
            for y in range(HEIGHT)
            for x in range(WIDTH)
        )
        image = self.card.bitmap(SpiceBitmapFmt.BIT32, WIDTH, HEIGHT, data)
        self.copy(image, SCREEN, SCREEN)

    def fill(self, box: Box, colour: int, descriptor: int = PUT, **options: object) -> None:
        body = solid(colour) + struct.pack("<H", descriptor) + NO_MASK
        self.card.draw(Draw.FILL, box, body, **options)  # type: ignore[arg-type]

    def copy(
        self,
        image: int,
        box: Box,
        area: Box,
        descriptor: int = PUT,
        *,
        scale: int = 1,
        masked: bytes = NO_MASK,
        what: Draw = Draw.COPY,
        **options: object,
    ) -> None:
        body = struct.pack("<Q", image) + rect(area) + struct.pack("<HB", descriptor, scale)
        self.card.draw(what, box, body + masked, **options)  # type: ignore[arg-type]

    def ours(self, mark: int | None = None) -> Picture:
        """Our picture, once all that was drawn has come: a pixel in the corner says so."""
        self._marks = (self._marks + 0x010305) & 0xFFFFFF
        self.fill((WIDTH - 1, HEIGHT - 1, WIDTH, HEIGHT), self._marks if mark is None else mark)
        wanted = tuple(self._marks.to_bytes(3, "big")) if mark is None else (255, 255, 255)

        def probe() -> Picture | NotYet:
            picture = self.spice.screenshot(settle=0)
            corner = picture.pixel(WIDTH - 1, HEIGHT - 1)
            return picture if corner == wanted else NotYet(f"{corner}")

        return wait_for(f"the mark {wanted}", probe, Deadline(20), every=0.01)

    def compare(
        self, *, within: int = 0, mark: int | None = None, on_average: float | None = None
    ) -> None:
        """Both pictures are the same, but for `within` steps of each colour; or, where they are
        sent inexactly, for so many `on_average`."""
        picture = self.ours(mark)
        ours = Image.frombytes("RGB", (picture.width, picture.height), picture.pixels)
        theirs = self.machine.screendump()
        assert ours.size == theirs.size
        difference = ImageChops.difference(ours, theirs)
        if on_average is not None:
            means = ImageStat.Stat(difference).mean
            assert max(means) < on_average, means
            return
        worst = max(high for _, high in difference.getextrema())  # type: ignore[misc]
        if worst > within:
            box = difference.getbbox()
            assert box is not None
            place = box[0], box[1]
            pytest.fail(
                f"up to {worst} apart in {box}; at {place} ours is {ours.getpixel(place)}, theirs"
                f" {theirs.getpixel(place)}"
            )


def noise(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def premultiplied(count: int, seed: int = 3) -> bytes:
    dice = random.Random(seed)
    pixels = bytearray()
    for _ in range(count):
        alpha = dice.randrange(256)
        pixels += bytes(dice.randrange(alpha + 1) for _ in range(3)) + bytes([alpha])
    return bytes(pixels)
