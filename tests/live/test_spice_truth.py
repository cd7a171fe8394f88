"""Our picture of a screen, the hypervisor's, and that of another SPICE client: the same pixels.

Each screen is also seen by a client of ours that was there before, and so gets what has changed;
the others begin with the whole of it.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Protocol

import pytest
from boot_sectors import READY, VesaMode, halted_sector, tour_sector
from other_spice_client import spicy_screenshot
from PIL import Image
from qxl_card import NO_MASK, Draw, QxlCard, rect
from same_pictures import count_colours, wait_for_same_pictures
from spice_machine import SpiceMachine, spice_machine
from virtio_gpu_card import VirtioGpuCard

from charly_vm.backend.qmp import execute
from charly_vm.host.waiting import Deadline
from charly_vm.probe.spice import Picture, open_spice
from charly_vm.probe.spice.protocol.drawing import SpiceBitmapFmt, SpiceRopd

pytestmark = pytest.mark.live

TEXT = (720, 400)
"""80 times 25 characters, each of 9 times 16 pixels."""
SIZES = [(640, 480), (800, 600), (1366, 768)]


def image_of(picture: Picture) -> Image.Image:
    return Image.frombytes("RGB", (picture.width, picture.height), picture.pixels)


def seen_after(machine: SpiceMachine, change: Callable[[], None]) -> Image.Image:
    """What everybody sees after a change of the screen, with which it has come to rest."""

    def look() -> dict[str, Image.Image]:
        with open_spice(machine.address, deadline=Deadline(10)) as spice:
            ours = image_of(spice.screenshot())
        theirs = spicy_screenshot(machine.address, machine.directory)
        return {"QEMU": machine.screendump(), "our client": ours, "spice-gtk": theirs}

    with open_spice(machine.address, deadline=Deadline(10)) as spice:
        spice.screenshot()
        change()
        wait_for_same_pictures(
            lambda: {"QEMU": machine.screendump(), "ours": image_of(spice.screenshot())}
        )
    return wait_for_same_pictures(look)


@pytest.mark.parametrize("video", ["std", "qxl", "virtio"])
def test_text_and_patterns_of_each_resolution(tmp_path: Path, video: str) -> None:
    """As a guest without a driver for the card has them: all cards are a VGA to it.

    The guest is paused for each look: its text cursor blinks by its own clock.
    """
    with spice_machine(tmp_path, tour_sector(*VesaMode), vga=video) as machine:
        monitor = machine.directory / "qmp"

        def wait_for_painting(count: int) -> None:
            machine.wait_for_words(READY, count)
            execute(monitor, "stop")

        def go_on(count: int) -> None:
            execute(monitor, "cont")
            execute(monitor, "send-key", {"keys": [{"type": "qcode", "data": "spc"}]})
            wait_for_painting(count)

        # Its SPICE server listens by then: the socket is there a moment before.
        machine.wait_for_words(READY)
        text = seen_after(machine, partial(wait_for_painting, 1))
        assert (text.size, count_colours(text)) == (TEXT, 16)
        for count, mode in enumerate(VesaMode, 2):
            pattern = seen_after(machine, partial(go_on, count))
            assert pattern.size == mode.size
            # Each second bank is a ramp of 16,384 colours.
            assert count_colours(pattern) > 100_000


class Card(Protocol):
    """What a guest's driver for a graphics card does with it."""

    def start(self, width: int, height: int, data: bytes) -> None: ...

    def paint(self, x: int, y: int, width: int, height: int, data: bytes) -> None: ...

    def close(self) -> None: ...


class DrawingQxlCard:
    """Whose screens are drawn on with one command for each picture."""

    def __init__(self, qtest: Path) -> None:
        self._card = QxlCard(qtest)
        self._started = False

    def start(self, width: int, height: int, data: bytes) -> None:
        if self._started:
            self._card.stop()
        self._started = True
        self._card.start(width, height)
        self.paint(0, 0, width, height, data)

    def paint(self, x: int, y: int, width: int, height: int, data: bytes) -> None:
        image = self._card.bitmap(SpiceBitmapFmt.BIT32, width, height, data)
        body = struct.pack("<Q", image) + rect((0, 0, width, height))
        body += struct.pack("<HB", SpiceRopd.OP_PUT, 0) + NO_MASK
        self._card.draw(Draw.COPY, (x, y, x + width, y + height), body)

    def close(self) -> None:
        self._card.close()


@pytest.mark.parametrize(
    ("video", "drive"), [("qxl", DrawingQxlCard), ("virtio", VirtioGpuCard)], ids=["qxl", "virtio"]
)
def test_noise_of_each_resolution(
    tmp_path: Path, video: str, drive: Callable[[Path], Card]
) -> None:
    """As a guest's driver for the card has it, and then a part of it changed."""
    dice = random.Random(7)
    with spice_machine(tmp_path, halted_sector(), vga=video, qtest=True) as machine:
        machine.wait_for_words(READY)
        with closing(drive(machine.qtest)) as card:
            for width, height in SIZES:
                whole = dice.randbytes(width * height * 4)
                picture = seen_after(machine, partial(card.start, width, height, whole))
                assert picture.size == (width, height)
                assert picture.tobytes() == colours_of(whole)
            left, top, width, height = 101, 55, 333, 77
            part = dice.randbytes(width * height * 4)
            picture = seen_after(machine, partial(card.paint, left, top, width, height, part))
            changed = picture.crop((left, top, left + width, top + height))
            assert changed.tobytes() == colours_of(part)


def colours_of(data: bytes) -> bytes:
    """Red, green and blue of pixels that are blue, green, red, nothing."""
    pixels = bytearray(len(data) // 4 * 3)
    for plane in range(3):
        pixels[plane::3] = data[2 - plane :: 4]
    return bytes(pixels)
