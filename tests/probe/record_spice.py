"""Records what a real server sends, for the tests that damage it: `golden/<name>.spice`.

    PYTHONPATH=tests python tests/probe/record_spice.py

A recording is one channel's messages after its link, each with the mini header. The server draws a
bit of everything on a small QXL card, once for each way to compress images; beside the
recordings stands the picture that the server had in the end, the same each time.
"""

from __future__ import annotations

import random
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from boot_sectors import READY, halted_sector
from PIL import Image
from qxl_bench import premultiplied
from qxl_card import NO_MASK, Box, Draw, QxlCard, mask, pattern, rect, solid
from spice_machine import free_port, spice_machine

from charly_vm.host.waiting import Deadline, NotYet, wait_for
from charly_vm.probe.spice import SpiceSession, open_spice
from charly_vm.probe.spice.channel import Channel
from charly_vm.probe.spice.framing import Message
from charly_vm.probe.spice.protocol.devices import SpiceCursorType
from charly_vm.probe.spice.protocol.drawing import (
    SpiceBitmapFmt,
    SpiceImageCompression,
    SpiceRopd,
)
from charly_vm.probe.spice.protocol.messages import SpiceMsg

GOLDEN = Path(__file__).parent / "golden"

WIDTH, HEIGHT = 48, 40
SCREEN: Box = (0, 0, WIDTH, HEIGHT)
PUT = SpiceRopd.OP_PUT

RECORDINGS = {
    "lz": (SpiceImageCompression.LZ, "never"),
    "glz": (SpiceImageCompression.GLZ, "never"),
    "zlib-glz": (SpiceImageCompression.GLZ, "always"),
    "quic": (SpiceImageCompression.QUIC, "never"),
    "jpeg": (SpiceImageCompression.QUIC, "always"),
    "lz4": (SpiceImageCompression.LZ4, "never"),
}


def draw_everything(card: QxlCard) -> None:
    """One of each command, with images that differ in how they compress."""
    ramp = b"".join(bytes((x * 4, y * 5, x + y, 0)) for y in range(HEIGHT) for x in range(WIDTH))
    image = card.bitmap(SpiceBitmapFmt.BIT32, WIDTH, HEIGHT, ramp)
    copied = struct.pack("<Q", image) + rect(SCREEN) + struct.pack("<HB", PUT, 1) + NO_MASK
    card.draw(Draw.COPY, SCREEN, copied)
    card.draw(Draw.COPY, SCREEN, copied, clips=[(0, 0, 10, 10), (20, 20, 40, 30)])
    card.draw(Draw.FILL, (2, 2, 12, 12), solid(0x336699) + struct.pack("<H", PUT) + NO_MASK)
    dice = random.Random(5)
    small = card.bitmap(SpiceBitmapFmt.BIT32, 8, 8, ramp[:256])
    tile = pattern(small, 1, 1) + struct.pack("<H", SpiceRopd.OP_XOR) + NO_MASK
    card.draw(Draw.FILL, (5, 5, 30, 25), tile)
    bits = card.bitmap(SpiceBitmapFmt.BIT1_BE, 16, 16, dice.randbytes(32))
    card.draw(Draw.WHITENESS, (0, 0, 16, 16), mask(bits, 0, 0))
    card.draw(Draw.INVERS, (10, 0, 26, 16), mask(bits, 0, 0, inverted=True))
    area = rect((0, 0, 8, 8))
    opaque = struct.pack("<Q", small) + area + solid(0xF0F) + struct.pack("<HB", PUT, 1) + NO_MASK
    card.draw(Draw.OPAQUE, (30, 5, 38, 13), opaque)
    ternary = struct.pack("<Q", small) + area + solid(0xF0F) + struct.pack("<BB", 0xB8, 0)
    card.draw(Draw.ROP3, (30, 15, 46, 31), ternary + NO_MASK)
    palette = [dice.randrange(1 << 24) for _ in range(256)]
    indexed = card.bitmap(SpiceBitmapFmt.BIT8, 16, 16, bytes(range(16)) * 16, palette=palette)
    keyed = struct.pack("<Q", indexed) + rect((0, 0, 16, 16)) + struct.pack("<II", 1, palette[3])
    card.draw(Draw.TRANSPARENT, (20, 20, 36, 36), keyed)
    alpha = card.bitmap(SpiceBitmapFmt.RGBA, 24, 20, premultiplied(480))
    blended = struct.pack("<HBQ", 0, 200, alpha) + rect((0, 0, 24, 20))
    for _ in range(2):
        card.draw(Draw.ALPHA_BLEND, (10, 10, 34, 30), blended)
    sixteen = card.bitmap(SpiceBitmapFmt.BIT16, 16, 16, bytes(range(256)) * 2, top_down=False)
    copied = struct.pack("<Q", sixteen) + rect((0, 0, 16, 16)) + struct.pack("<HB", PUT, 0)
    card.draw(Draw.BLEND, (0, 20, 24, 40), copied + NO_MASK)
    card.draw(Draw.COPY_BITS, (5, 5, 25, 25), struct.pack("<ii", 8, 9))
    composed = struct.pack("<IQQQQhhhh", 3, alpha, 0, 0, 0, 1, 1, 0, 0)
    card.draw(Draw.COMPOSITE, (0, 0, 20, 15), composed)
    segment = struct.pack("<II", 3, 3) + struct.pack("<6i", 16, 16, 640, 16, 640, 600)
    path = card.put(struct.pack("<I", len(segment)) + card.chunk(segment))
    style = card.put(struct.pack("<2i", 48, 32))
    stroke = struct.pack("<Q", path) + struct.pack("<BBBBiiQ", 8, 0, 0, 2, 0, 0, style)
    stroke += solid(0xFFFFFF) + struct.pack("<HH", PUT, PUT)
    card.draw(Draw.STROKE, SCREEN, stroke)
    glyph = struct.pack("<iiiiHH", 5, 30, 0, -9, 9, 9) + dice.randbytes(5 * 9)
    string = card.put(struct.pack("<IHH", len(glyph), 1, 2) + card.chunk(glyph))
    text = struct.pack("<Q", string) + rect((0, 15, 20, 32)) + solid(0xFFFFFF) + solid(0x80)
    card.draw(Draw.TEXT, SCREEN, text + struct.pack("<HH", PUT, PUT))
    card.create_surface(1, 16, 16)
    filled = solid(0x00FF00) + struct.pack("<H", PUT) + NO_MASK
    card.draw(Draw.FILL, (0, 0, 16, 16), filled, surface=1)
    shown = card.surface_image(1, 16, 16)
    copied = struct.pack("<Q", shown) + rect((0, 0, 16, 16)) + struct.pack("<HB", PUT, 1)
    card.draw(Draw.COPY, (30, 20, 46, 36), copied + NO_MASK, needs=[(1, (0, 0, 16, 16))])
    cached = ramp[:1024]
    for _ in range(2):
        image = card.bitmap(
            SpiceBitmapFmt.BIT32, 16, 16, cached, identity=0x99 << 32 | 3, cache=True
        )
        copied = struct.pack("<Q", image) + rect((0, 0, 16, 16)) + struct.pack("<HB", PUT, 1)
        card.draw(Draw.COPY, (0, 0, 16, 16), copied + NO_MASK)


def set_cursors(card: QxlCard) -> None:
    dice = random.Random(6)
    for kind, size in (
        (SpiceCursorType.ALPHA, 256),
        (SpiceCursorType.MONO, 16),
        (SpiceCursorType.COLOR4, 32 + 64 + 8),
        (SpiceCursorType.COLOR8, 64 + 1024 + 8),
        (SpiceCursorType.COLOR16, 128 + 8),
        (SpiceCursorType.COLOR24, 192 + 8),
        (SpiceCursorType.COLOR32, 256 + 8),
    ):
        card.set_cursor(kind, 5, kind, 8, 8, dice.randbytes(size))
    card.move_cursor(9, 9)
    card.hide_cursor()


@contextmanager
def recording() -> Iterator[dict[str, bytearray]]:
    """What channels receive meanwhile, by the name of the channel."""
    heard: dict[str, bytearray] = {}
    handle = Channel._handle

    def keep(self: Channel, message: Message) -> None:
        handle(self, message)
        if message.number == SpiceMsg.PING:
            # It measures the line with 250 kB of nothing.
            return
        stream = heard.setdefault(self.name, bytearray())
        stream += struct.pack("<HI", message.number, len(message.body)) + bytes(message.body)

    Channel._handle = keep  # type: ignore[method-assign]
    try:
        yield heard
    finally:
        Channel._handle = handle  # type: ignore[method-assign]


def record(name: str, directory: Path) -> dict[str, bytearray]:
    compression, far = RECORDINGS[name]
    ways = [f"jpeg-wan-compression={far}", f"zlib-glz-wan-compression={far}"]
    with spice_machine(
        directory,
        halted_sector(),
        vga="qxl",
        qtest=True,
        port=free_port(),
        spice=["disable-ticketing=on", *ways],
    ) as machine:
        machine.wait_for_words(READY)
        card = QxlCard(machine.qtest)
        card.start(WIDTH, HEIGHT)
        with (
            recording() as heard,
            open_spice(machine.address, deadline=Deadline(10), compression=compression) as spice,
        ):
            spice.screenshot()
            spice.cursor()
            draw_everything(card)
            set_cursors(card)
            end = solid(0x123456) + struct.pack("<H", PUT) + NO_MASK
            card.draw(Draw.FILL, (WIDTH - 1, 0, WIDTH, 1), end)
            _wait(spice, lambda: spice.screenshot().pixel(WIDTH - 1, 0) == (0x12, 0x34, 0x56))
            _wait(spice, lambda: not spice.cursor().visible)
            machine.screendump()
        card.close()
    return heard


def _wait(spice: SpiceSession, ready: Callable[[], bool]) -> None:
    wait_for("the end", lambda: ready() or NotYet("not all"), Deadline(10), every=0.02)


def main() -> None:
    GOLDEN.mkdir(exist_ok=True)
    for name in RECORDINGS:
        with tempfile.TemporaryDirectory() as directory:
            heard = record(name, Path(directory))
            screen = Image.open(Path(directory) / "screen.ppm")
            screen.save(GOLDEN / "screen.png")
        (GOLDEN / f"display-{name}.spice").write_bytes(heard["display"])
    for channel in ("main", "cursor"):
        (GOLDEN / f"{channel}.spice").write_bytes(heard[channel])


if __name__ == "__main__":
    main()
