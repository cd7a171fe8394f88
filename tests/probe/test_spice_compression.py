"""Every encoding of images that a real server has, decoded to the pixels that the server drew."""

from __future__ import annotations

import struct
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from boot_sectors import READY, VesaMode, halted_sector, pattern_sector
from qxl_bench import HEIGHT, SCREEN, WIDTH, Bench, noise, premultiplied
from qxl_card import Draw, QxlCard, rect
from spice_machine import SpiceMachine, compare_with_dump, free_port, spice_machine

from charly_vm.host.waiting import Deadline
from charly_vm.probe.spice import open_spice, streams
from charly_vm.probe.spice.codecs.jpeg import decode_jpeg
from charly_vm.probe.spice.decoding import ImageDecoder
from charly_vm.probe.spice.images import WireImage
from charly_vm.probe.spice.protocol.drawing import (
    SpiceBitmapFmt,
    SpiceImageCompression,
    SpiceImageType,
    SpiceSurfaceFmt,
)
from charly_vm.probe.spice.raster import Raster

pytestmark = pytest.mark.live

Types = Counter[str]


@pytest.fixture
def types(monkeypatch: pytest.MonkeyPatch) -> Types:
    """Which encodings came, by name, and how often."""
    seen: Types = Counter()
    decode = ImageDecoder._decode

    def spy(self: ImageDecoder, image: WireImage, target: SpiceSurfaceFmt) -> Raster:
        seen[image.type.name] += 1
        return decode(self, image, target)

    monkeypatch.setattr(ImageDecoder, "_decode", spy)
    return seen


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SpiceMachine]:
    """A screen of 1024x768 pixels of many colours."""
    directory = tmp_path_factory.mktemp("p")
    with spice_machine(directory, pattern_sector(VesaMode.LARGE)) as machine:
        machine.wait_for_words(READY)
        with open_spice(machine.address, deadline=Deadline(10)) as spice:
            compare_with_dump(spice, machine)
        yield machine


@pytest.mark.parametrize(
    ("asked", "comes"),
    [
        (SpiceImageCompression.OFF, "BITMAP"),
        (SpiceImageCompression.LZ, "LZ_RGB"),
        (SpiceImageCompression.LZ4, "LZ4"),
        (SpiceImageCompression.QUIC, "QUIC"),
        # Without a command that draws it there is nothing for a dictionary.
        (SpiceImageCompression.GLZ, "LZ_RGB"),
        (SpiceImageCompression.AUTO_GLZ, "LZ_RGB"),
        (SpiceImageCompression.AUTO_LZ, "LZ_RGB"),
        (None, "LZ_RGB"),
    ],
)
def test_a_whole_screen(
    painted: SpiceMachine, types: Types, asked: SpiceImageCompression | None, comes: str
) -> None:
    with open_spice(painted.address, deadline=Deadline(10), compression=asked) as spice:
        picture = spice.screenshot()
    assert (picture.width, picture.height) == (1024, 768)
    assert picture.pixels == painted.screendump().tobytes()
    assert types == {comes: 1}


@pytest.mark.parametrize(
    ("way", "comes"), [("off", "BITMAP"), ("quic", "QUIC"), ("auto_glz", "LZ_RGB")]
)
def test_a_server_that_is_not_asked_compresses_as_it_was_told(
    tmp_path: Path, types: Types, way: str, comes: str
) -> None:
    options = ["disable-ticketing=on", f"image-compression={way}"]
    with spice_machine(tmp_path, pattern_sector(VesaMode.SMALL), spice=options) as machine:
        machine.wait_for_words(READY)
        with open_spice(machine.address, deadline=Deadline(10), compression=None) as spice:
            spice.screenshot()
            assert set(types) == {comes}
            compare_with_dump(spice, machine)


@pytest.fixture(scope="module", params=["near", "far"])
def card(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[SpiceMachine, QxlCard, bool]]:
    """By TCP, since by a UNIX socket a server compresses nothing that is drawn.

    A QXL card of a server that thinks its client near, or far away: then it uses JPEG, and
    zlib on top of its dictionary."""
    far = request.param == "far"
    ways = ["jpeg-wan-compression", "zlib-glz-wan-compression"]
    options = [f"{way}={'always' if far else 'never'}" for way in ways]
    directory = tmp_path_factory.mktemp(request.param)
    with spice_machine(
        directory,
        halted_sector(),
        vga="qxl",
        qtest=True,
        port=free_port(),
        spice=["disable-ticketing=on", *options],
    ) as machine:
        machine.wait_for_words(READY)
        made = QxlCard(machine.qtest)
        made.start(WIDTH, HEIGHT)
        yield machine, made, far
        made.close()


def ramp(width: int, height: int, size: int) -> bytes:
    """Pixels of `size` bytes that differ little from their neighbours, as those of a photo."""
    pixels = (
        (x * 2 & 255, (x + y) & 255, (y * 3) & 255, (x * y) & 255)[:size]
        for y in range(height)
        for x in range(width)
    )
    return b"".join(map(bytes, pixels))


@pytest.mark.parametrize(
    ("asked", "near", "far"),
    [
        (SpiceImageCompression.LZ, {"LZ_RGB", "LZ_PLT"}, {"LZ_RGB", "LZ_PLT"}),
        (SpiceImageCompression.GLZ, {"GLZ_RGB", "LZ_PLT"}, {"ZLIB_GLZ_RGB", "LZ_PLT"}),
        (SpiceImageCompression.QUIC, {"QUIC"}, {"JPEG", "JPEG_ALPHA"}),
        (SpiceImageCompression.LZ4, {"LZ4"}, {"LZ4"}),
    ],
)
def test_images_that_are_drawn(
    card: tuple[SpiceMachine, QxlCard, bool],
    types: Types,
    asked: SpiceImageCompression,
    near: set[str],
    far: set[str],
) -> None:
    machine, made, is_far = card
    with open_spice(machine.address, deadline=Deadline(10), compression=asked) as spice:
        bench = Bench(machine, made, spice)
        bench.ours()
        types.clear()
        bench.clear()
        area = (0, 0, 60, 40)
        # Drawn more than once, so that a dictionary has something to refer to.
        for index in range(3):
            down = index * 40
            image = made.bitmap(SpiceBitmapFmt.BIT32, 60, 40, ramp(60, 40, 4))
            bench.copy(image, (0, down, 60, down + 40), area)
            rows = premultiplied(60 * 20) + ramp(60, 20, 3).ljust(60 * 20 * 4, b"\xff")
            image = made.bitmap(SpiceBitmapFmt.RGBA, 60, 40, rows, top_down=index != 1)
            body = struct.pack("<HBQ", 0, 255, image) + rect(area)
            made.draw(Draw.ALPHA_BLEND, (50, down, 110, down + 40), body)
        image = made.bitmap(SpiceBitmapFmt.BIT24, 60, 40, ramp(60, 40, 3))
        bench.copy(image, (100, 0, 160, 40), area)
        image = made.bitmap(SpiceBitmapFmt.BIT16, 60, 40, ramp(60, 40, 2), top_down=False)
        bench.copy(image, (100, 40, 160, 80), area)
        palette = [index * 0x010305 for index in range(256)]
        indices = ramp(40, 36, 1)
        image = made.bitmap(SpiceBitmapFmt.BIT8, 40, 36, indices, palette=palette)
        bench.copy(image, (115, 82, 155, 118), (0, 0, 40, 36))
        inexact = is_far and asked == SpiceImageCompression.QUIC
        bench.compare(within=1, on_average=20 if inexact else None)
    assert set(types) >= (far if is_far else near), types


@pytest.mark.parametrize("top_down", [True, False])
def test_smooth_images_lose_little(
    card: tuple[SpiceMachine, QxlCard, bool], types: Types, top_down: bool
) -> None:
    machine, made, is_far = card
    smooth = b"".join(
        bytes((x, y, (x + y) // 2, min(y * 2, 255))) for y in range(HEIGHT) for x in range(WIDTH)
    )
    dim = bytes(min(byte, 255 * (index % 4 == 3) or byte // 2) for index, byte in enumerate(smooth))
    with open_spice(
        machine.address, deadline=Deadline(10), compression=SpiceImageCompression.QUIC
    ) as spice:
        bench = Bench(machine, made, spice)
        bench.ours()
        image = made.bitmap(SpiceBitmapFmt.BIT32, WIDTH, HEIGHT, smooth, top_down=top_down)
        bench.copy(image, SCREEN, SCREEN)
        bench.compare(on_average=1.5)
        image = made.bitmap(SpiceBitmapFmt.RGBA, WIDTH, HEIGHT, dim, top_down=top_down)
        body = struct.pack("<HBQ", 0, 255, image) + rect(SCREEN)
        made.draw(Draw.ALPHA_BLEND, SCREEN, body)
        bench.compare(on_average=1.5)
    assert set(types) >= ({"JPEG", "JPEG_ALPHA"} if is_far else {"QUIC"})


def test_noise_is_sent_as_it_is_where_nothing_helps(
    card: tuple[SpiceMachine, QxlCard, bool], types: Types
) -> None:
    machine, made, _ = card
    with open_spice(
        machine.address, deadline=Deadline(10), compression=SpiceImageCompression.LZ
    ) as spice:
        bench = Bench(machine, made, spice)
        bench.ours()
        image = made.bitmap(SpiceBitmapFmt.BIT32, WIDTH, HEIGHT, noise(WIDTH * HEIGHT * 4))
        bench.copy(image, SCREEN, SCREEN)
        bench.compare()
    assert SpiceImageType.LZ_RGB.name in types


def test_what_always_changes_comes_as_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames: list[tuple[int, int]] = []

    def spy(data: memoryview, width: int, height: int) -> Raster:
        frames.append((width, height))
        return decode_jpeg(data, width, height)

    monkeypatch.setattr(streams, "decode_jpeg", spy)
    options = ["disable-ticketing=on", "streaming-video=all"]
    with spice_machine(
        tmp_path, halted_sector(), vga="qxl", qtest=True, port=free_port(), spice=options
    ) as machine:
        machine.wait_for_words(READY)
        card = QxlCard(machine.qtest)
        card.start(WIDTH, HEIGHT)
        with open_spice(machine.address, deadline=Deadline(10)) as spice:
            bench = Bench(machine, card, spice)
            bench.ours()
            for step in range(100):
                moving = ramp(128, 96, 3)[step * 3 :].ljust(128 * 96 * 3, b"\x80")
                image = card.bitmap(SpiceBitmapFmt.BIT24, 128, 96, moving)
                bench.copy(image, (8, 8, 136, 104), (0, 0, 128, 96), opaque=True)
                if len(frames) > 3:
                    break
                # A film has its pace.
                time.sleep(0.02)
            bench.compare(on_average=12)
        card.close()
    assert frames[:3] == [(128, 96)] * 3
