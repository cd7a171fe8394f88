"""A machine as charly makes it, over SPICE: its guest received what was typed and clicked.

What shows that is the guest itself: the file that a shell on its screen wrote, and its kernel's own
input events. Its screen is the one of a driver for virtio-gpu, and of that, too, three pictures are
the same. All tests share the machine.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from input_events import Code, Event, Type, recording
from other_spice_client import spicy_screenshot
from PIL import Image
from same_pictures import count_colours, wait_for_same_pictures
from tiny_guest import VISITOR, VISITOR_PASSWORD
from workspace import workspace

from charly_vm.host.waiting import Deadline, NotYet, wait_for
from charly_vm.machine.machine import Machine, require_machine
from charly_vm.machine.probes import libvirt_probe_of, spice_probe_of
from charly_vm.machine.spice_probe import SpiceProbe
from charly_vm.probe.libvirt import LibvirtProbe
from charly_vm.probe.spice import SpiceAddress

pytestmark = pytest.mark.live

DEVICES = (
    "{graphics: [{type: spice}], inputs: [{type: tablet, bus: virtio}, {type: tablet, bus: usb}]}"
)
SCREEN_SECONDS = 20.0
WIDTH, HEIGHT = 1280, 800
"""What a card of QEMU's says that its monitor has."""
RANGE = 0x7FFF
"""Of a tablet's own units, on both axes."""
PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
SHIFTED = {"!": "shift-1", "\n": "enter", ">": "shift-dot"}
"""The chords of some signs on an American keyboard."""


@dataclass(frozen=True)
class Shown:
    """The machine, and its two probes."""

    machine: Machine
    libvirt: LibvirtProbe
    spice: SpiceProbe

    def run(self, command: str) -> str:
        return self.machine.guest.run(command, check=True).stdout_text

    def text(self) -> str:
        """What stands on the text console, as the guest's kernel says it."""
        return self.run("cat /dev/vcs1")

    def wait_for_text(self, words: str) -> None:
        """Until the screen ends with these words."""

        def probe() -> bool | NotYet:
            text = self.text().rstrip()
            return text.endswith(words) or NotYet(text[-200:])

        wait_for(f"{words!r} on the screen", probe, Deadline(SCREEN_SECONDS), every=0.1)

    def wait_for_file(self, path: str, content: str) -> None:
        def probe() -> bool | NotYet:
            found = self.machine.guest.run(f"cat {path}").stdout_text
            return found == content or NotYet(repr(found))

        wait_for(f"{path} in the guest", probe, Deadline(SCREEN_SECONDS), every=0.1)

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """For the length of the block nothing moves on the screen, and no cursor blinks."""
        self.libvirt.qmp("stop")
        try:
            yield
        finally:
            self.libvirt.qmp("cont")


@pytest.fixture(scope="module")
def shown(screen_image: Path) -> Iterator[Shown]:
    with workspace(screen_image, "qemu") as made, pytest.MonkeyPatch.context() as patch:
        for name, value in made.environment.items():
            patch.setenv(name, value)
        made.give_devices(DEVICES)
        created = made.charly("vm", "create", "tiny", "--wait")
        assert created.status == 0, created.stderr
        machine = require_machine("charly-tiny")
        yield Shown(machine, libvirt_probe_of(machine, held=False), spice_probe_of(machine))
        machine.close()


def look(shown: Shown, directory: Path) -> dict[str, Image.Image]:
    """The screen by the backend, by our client, and by another one."""
    [served] = shown.libvirt.info().graphics
    address = SpiceAddress(served.address, served.port)
    return {
        "the backend": Image.open(io.BytesIO(shown.libvirt.screenshot())).convert("RGB"),
        "our client": Image.open(io.BytesIO(shown.spice.screenshot())).convert("RGB"),
        "spice-gtk": spicy_screenshot(address, directory),
    }


def test_the_text_console_is_the_same_by_all_ways(shown: Shown, tmp_path: Path) -> None:
    shown.wait_for_text("login:")
    with shown.at_rest():
        picture = wait_for_same_pictures(lambda: look(shown, tmp_path))
    assert picture.size == (WIDTH, HEIGHT)
    # White and grey on black, and a cursor.
    assert 2 <= count_colours(picture) < 20


def test_a_picture_in_the_framebuffer_is_the_same_by_all_ways(shown: Shown, tmp_path: Path) -> None:
    # At once: Linux 6.1 takes less than what was written for changed where that ends in a line.
    frame = 4 * WIDTH * HEIGHT
    shown.run(f"dd if=/dev/urandom of=/dev/fb0 bs={frame} count=1 iflag=fullblock")

    def probe() -> bool | NotYet:
        colours = count_colours(Image.open(io.BytesIO(shown.libvirt.screenshot())))
        return colours > 900_000 or NotYet(f"{colours} colours")

    wait_for("noise on the screen", probe, Deadline(SCREEN_SECONDS), every=0.1)
    with shown.at_rest():
        picture = wait_for_same_pictures(lambda: look(shown, tmp_path))
    assert count_colours(picture) > 900_000


def test_a_login_on_the_screen_is_typed_over_spice(shown: Shown) -> None:
    shown.wait_for_text("login:")
    with shown.spice.open() as spice:
        spice.type(f"{VISITOR}\n")
        shown.wait_for_text("Password:")
        spice.type(f"{VISITOR_PASSWORD}\n")
        shown.wait_for_text("$")
        spice.type('echo "$(id -un) on $(tty)" >/tmp/who; cat >/tmp/typed\n')
        shown.wait_for_file("/tmp/who", f"{VISITOR} on /dev/tty1\n")
        spice.type(f"{PRINTABLE}\n")
        spice.key("ctrl-d")
        shown.wait_for_file("/tmp/typed", f"{PRINTABLE}\n")
        spice.type("exit\n")
    shown.wait_for_text("login:")


def test_a_login_on_the_screen_is_typed_by_the_hypervisor(shown: Shown) -> None:
    def type_keys(text: str) -> None:
        chords = [
            SHIFTED.get(sign, f"shift-{sign.lower()}" if sign.isupper() else sign) for sign in text
        ]
        shown.libvirt.send_key(chords, hold=20)

    shown.wait_for_text("login:")
    type_keys(f"{VISITOR}\n")
    shown.wait_for_text("Password:")
    type_keys(f"{VISITOR_PASSWORD}\n")
    shown.wait_for_text("$")
    type_keys("id -un >/tmp/sent\n")
    shown.wait_for_file("/tmp/sent", f"{VISITOR}\n")
    type_keys("exit\n")
    shown.wait_for_text("login:")


def count_keys(events: list[Event]) -> int:
    return sum(event.type == Type.KEY for event in events)


def values(events: list[Event], kind: Type, code: Code) -> list[int]:
    return [event.value for event in events if event[:2] == (kind, code)]


def choose_tablet(shown: Shown, name: str) -> None:
    """Of two, the one that its driver began to use last is the one that QEMU moves."""
    mice = shown.libvirt.qmp("query-mice")
    [number] = [mouse["index"] for mouse in mice if mouse["name"] == name]
    shown.libvirt.qmp("human-monitor-command", {"command-line": f"mouse_set {number}"})


@pytest.mark.parametrize(
    ("hardware", "device"),
    [("QEMU Virtio Tablet", "QEMU Virtio Tablet"), ("QEMU HID Tablet", "QEMU USB Tablet")],
)
def test_clicks_arrive_where_they_should_be(shown: Shown, hardware: str, device: str) -> None:
    places = [(320, 199), (640, 700), (1279, 0)]
    with recording(shown.machine.guest, device) as recorder:
        choose_tablet(shown, hardware)
        for (x, y), button in zip(places, ("left", "right", "middle"), strict=True):
            shown.spice.click(x, y, button)
        events = recorder.wait_for("three clicks", lambda events: count_keys(events) == 6)
    across, down = (values(events, Type.ABS, axis) for axis in (Code.X, Code.Y))
    assert across == pytest.approx([x * RANGE / WIDTH for x, _ in places], abs=1)
    assert down == pytest.approx([y * RANGE / HEIGHT for _, y in places], abs=1)
    assert [event for event in events if event.type == Type.KEY] == [
        (Type.KEY, button, value)
        for button in (Code.LEFT, Code.RIGHT, Code.MIDDLE)
        for value in (1, 0)
    ]


def test_the_wheel_and_a_double_click(shown: Shown) -> None:
    with recording(shown.machine.guest, "QEMU Virtio Tablet") as recorder:
        choose_tablet(shown, "QEMU Virtio Tablet")
        for button in ("up", "down", "down"):
            shown.spice.click(100, 100, button)
        shown.spice.click(100, 100, double=True)
        events = recorder.wait_for("a double click", lambda events: count_keys(events) == 4)
    assert values(events, Type.REL, Code.WHEEL) == [1, -1, -1]
    assert [event[1:] for event in events if event.type == Type.KEY] == [
        (Code.LEFT, value) for value in (1, 0, 1, 0)
    ]


def test_movements_arrive_at_the_ps2_mouse(shown: Shown) -> None:
    """Also after a click, for which the server expects places: it is told otherwise."""

    def moved(events: list[Event]) -> tuple[int, int]:
        return sum(values(events, Type.REL, Code.X)), sum(values(events, Type.REL, Code.Y))

    shown.spice.click(10, 10)
    with recording(shown.machine.guest, "ImExPS/2") as recorder:
        shown.spice.mouse(dx=30, dy=-7)
        recorder.wait_for("a movement", lambda events: moved(events) == (30, -7))
        shown.spice.mouse(dx=-250, dy=410)
        recorder.wait_for("a long one", lambda events: moved(events) == (-220, 403))
