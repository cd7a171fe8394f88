from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from PIL import Image, ImageDraw, ImageFont

from charly_vm.errors import GuestTimeout, HostError, ProbeError
from charly_vm.host.waiting import Deadline
from charly_vm.probe.screen import text
from charly_vm.probe.screen.text import holds_text, read_text, wait_for_text

GREEN_ON_BLACK, BLACK_ON_WHITE = ("#30ff30", "black"), ("black", "white")


def console(*lines: str, colours: tuple[str, str] = GREEN_ON_BLACK) -> bytes:
    """A console of 80 columns as PNG."""
    image = Image.new("RGB", (640, 120), colours[1])
    font = ImageFont.load_default(size=16)
    for number, line in enumerate(lines):
        ImageDraw.Draw(image).text((4, 4 + 20 * number), line, fill=colours[0], font=font)
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()


@pytest.mark.parametrize("colours", [GREEN_ON_BLACK, BLACK_ON_WHITE])
def test_a_screen_is_read(colours: tuple[str, str]) -> None:
    read = read_text(console("Debian GNU/Linux 12", "charly login: _", colours=colours))
    assert holds_text(read, "debian gnu/linux 12")
    assert holds_text(read, "charly login:")


def test_an_empty_screen_has_no_text() -> None:
    assert read_text(console()) == ""


@pytest.mark.parametrize(
    ("read", "wanted", "found"),
    [
        ("Welcome\nhost login:", "LOGIN:", True),
        ("kernel  panic -\nnot syncing", "panic - not syncing", True),
        ("IPO: 1O.0.0.1", "IP0: 10.0.0.1", True),
        ("host logon:", "login:", False),
    ],
)
def test_what_a_person_would_take_for_the_text_is_it(read: str, wanted: str, found: bool) -> None:
    assert holds_text(read, wanted) is found


def test_the_text_is_waited_for_and_a_picture_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = iter([b"one", b"one", b"two"])
    reads: list[bytes] = []

    def read(picture: bytes) -> str:
        reads.append(picture)
        return {b"one": "booting", b"two": "booting\nlogin:"}[picture]

    monkeypatch.setattr(text, "read_text", read)
    monkeypatch.setattr(text, "EVERY_SECONDS", 0)
    assert wait_for_text("login:", lambda: next(pictures), Deadline(20)) == "booting\nlogin:"
    assert reads == [b"one", b"two"]


def test_when_the_time_is_over_what_was_read_last_is_told() -> None:
    picture = console("GRUB rescue")
    with pytest.raises(GuestTimeout, match=r"'login:' on the screen; last seen: GRUB rescue"):
        wait_for_text("login:", lambda: picture, Deadline(0))


def test_a_screen_that_is_away_for_a_moment_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    said: Iterator[ProbeError | bytes] = iter([ProbeError("it hangs up"), b"login"])

    def screenshot() -> bytes:
        one = next(said)
        if isinstance(one, ProbeError):
            raise one
        return one

    monkeypatch.setattr(text, "read_text", lambda picture: picture.decode())
    monkeypatch.setattr(text, "EVERY_SECONDS", 0)
    assert wait_for_text("login", screenshot, Deadline(20)) == "login"


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(HostError, match="cannot be read"):
        read_text(b"no picture")


def test_without_tesseract_nothing_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "find_tool", lambda name: None)

    def screenshot() -> bytes:
        raise AssertionError("no picture is taken")

    with pytest.raises(HostError) as caught:
        wait_for_text("login:", screenshot, Deadline(60))
    assert "tesseract-ocr" in caught.value.hint
