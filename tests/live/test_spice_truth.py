"""Our picture of a screen, the hypervisor's, and that of another SPICE client: the same pixels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from boot_sectors import READY, VesaMode, tour_sector
from other_spice_client import spicy_screenshot
from PIL import Image
from same_pictures import wait_for_same_pictures
from spice_machine import SpiceMachine, spice_machine

from charly_vm.backend.qmp import execute
from charly_vm.host.waiting import Deadline
from charly_vm.probe.spice import open_spice

pytestmark = pytest.mark.live

TEXT = (720, 400)
"""80 times 25 characters, each of 9 times 16 pixels."""


@contextmanager
def at_rest(machine: SpiceMachine) -> Iterator[None]:
    """For the length of the block nothing moves on the screen: the text cursor blinks by the
    guest's clock."""
    execute(machine.directory / "qmp", "stop")
    yield
    execute(machine.directory / "qmp", "cont")


def look(machine: SpiceMachine) -> dict[str, Image.Image]:
    with open_spice(machine.address, deadline=Deadline(10)) as spice:
        ours = spice.screenshot()
    return {
        "QEMU": machine.screendump(),
        "our client": Image.frombytes("RGB", (ours.width, ours.height), ours.pixels),
        "spice-gtk": spicy_screenshot(machine.address, machine.directory),
    }


def press(machine: SpiceMachine, key: str) -> None:
    keys = [{"type": "qcode", "data": key}]
    execute(machine.directory / "qmp", "send-key", {"keys": keys})


def count_colours(picture: Image.Image) -> int:
    return len(picture.getcolors(picture.width * picture.height) or ())


@pytest.mark.parametrize("video", ["std", "qxl", "virtio"])
def test_text_and_patterns_of_each_resolution(tmp_path: Path, video: str) -> None:
    with spice_machine(tmp_path, tour_sector(*VesaMode), vga=video) as machine:
        machine.wait_for_words(READY)
        with at_rest(machine):
            text = wait_for_same_pictures(lambda: look(machine))
        assert (text.size, count_colours(text)) == (TEXT, 16)
        for number, mode in enumerate(VesaMode, 2):
            press(machine, "spc")
            machine.wait_for_words(READY, number)
            with at_rest(machine):
                pattern = wait_for_same_pictures(lambda: look(machine))
            assert pattern.size == mode.size
            # Each second bank is a ramp of 16,384 colours.
            assert count_colours(pattern) > 100_000
