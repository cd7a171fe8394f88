"""What a real server draws, and what we make of its messages: the same pixels.

A QXL card is handed drawing commands, and both sides are looked at: the server's own picture by
QEMU's monitor, ours by the protocol.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

import pytest
from boot_sectors import READY, halted_sector
from qxl_bench import HEIGHT, PUT, SCREEN, WIDTH, Bench, noise, premultiplied
from qxl_card import NO_MASK, Box, Draw, QxlCard, mask, pattern, rect, solid
from spice_machine import spice_machine

from charly_vm.host.waiting import Deadline, NotYet, wait_for
from charly_vm.probe.spice import Cursor, SpiceSession, open_spice
from charly_vm.probe.spice.protocol.devices import SpiceCursorType
from charly_vm.probe.spice.protocol.drawing import SpiceBitmapFmt, SpiceRopd, SpiceSurfaceFmt

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    directory = tmp_path_factory.mktemp("q")
    outputs = "-global", "qxl-vga.max_outputs=4"
    with spice_machine(directory, halted_sector(), *outputs, vga="qxl", qtest=True) as machine:
        machine.wait_for_words(READY)
        card = QxlCard(machine.qtest)
        card.start(WIDTH, HEIGHT)
        with open_spice(machine.address, deadline=Deadline(10)) as spice:
            yield Bench(machine, card, spice)
        card.close()


@pytest.fixture
def bench(shared: Bench) -> Bench:
    shared.clear()
    return shared


def test_a_background_arrives(bench: Bench) -> None:
    bench.compare()


@pytest.mark.parametrize(
    "descriptor",
    [
        operation | inversions
        for operation in (
            SpiceRopd.OP_PUT,
            SpiceRopd.OP_OR,
            SpiceRopd.OP_AND,
            SpiceRopd.OP_XOR,
        )
        for inversions in (0, 2, 4, SpiceRopd.INVERS_RES, 6 | SpiceRopd.INVERS_RES)
    ]
    + [SpiceRopd.OP_BLACKNESS, SpiceRopd.OP_WHITENESS, SpiceRopd.OP_INVERS],
)
def test_fills(bench: Bench, descriptor: int) -> None:
    bench.fill((10, 10, 90, 70), 0x3355AA, descriptor)
    bench.compare()


def test_fills_beyond_the_edges(bench: Bench) -> None:
    bench.fill((-10, -10, 20, 20), 0x00FF00)
    bench.fill((WIDTH - 9, 50, WIDTH + 40, 70), 0xFF00FF)
    bench.compare()


def test_clips(bench: Bench) -> None:
    clips = [(5, 5, 30, 20), (40, 10, 60, 50), (0, 60, 100, 61)]
    bench.fill((0, 0, 80, 80), 0xFFFF00, clips=clips)
    bench.fill((0, 0, 80, 80), 0x0F0F0F, SpiceRopd.OP_XOR, clips=clips)
    bench.compare()


@pytest.mark.parametrize("descriptor", [PUT, SpiceRopd.OP_XOR, SpiceRopd.OP_AND])
@pytest.mark.parametrize("origin", [(0, 0), (13, 7), (-5, 200)])
def test_patterns(bench: Bench, descriptor: int, origin: tuple[int, int]) -> None:
    image = bench.card.bitmap(SpiceBitmapFmt.BIT32, 7, 5, noise(7 * 5 * 4))
    brush = pattern(image, *origin) + struct.pack("<H", descriptor) + NO_MASK
    bench.card.draw(Draw.FILL, (3, 3, 99, 77), brush)
    bench.compare()


@pytest.mark.parametrize("what", [Draw.BLACKNESS, Draw.WHITENESS, Draw.INVERS])
def test_flat_ones(bench: Bench, what: Draw) -> None:
    bench.card.draw(what, (20, 20, 60, 50), NO_MASK)
    bench.compare()


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("form", [SpiceBitmapFmt.BIT1_LE, SpiceBitmapFmt.BIT1_BE])
@pytest.mark.parametrize("top_down", [False, True])
def test_masks(bench: Bench, form: int, inverted: bool, top_down: bool) -> None:
    image = bench.card.bitmap(form, 48, 40, noise(6 * 40), top_down=top_down)
    masked = mask(image, 3, 2, inverted=inverted)
    bench.card.draw(Draw.WHITENESS, (20, 20, 60, 50), masked)
    fill = solid(0x123456) + struct.pack("<H", SpiceRopd.OP_XOR) + masked
    bench.card.draw(Draw.FILL, (70, 60, 110, 90), fill)
    bench.compare()


FORMATS: dict[SpiceBitmapFmt, tuple[int, int]] = {
    SpiceBitmapFmt.BIT1_BE: (8, 2),
    SpiceBitmapFmt.BIT4_BE: (2, 16),
    SpiceBitmapFmt.BIT8: (1, 256),
    SpiceBitmapFmt.BIT16: (0, 0),
    SpiceBitmapFmt.BIT24: (0, 0),
    SpiceBitmapFmt.BIT32: (0, 0),
    SpiceBitmapFmt.RGBA: (0, 0),
}
"""How many pixels a byte has, and how many colours a palette. At little-endian ones with a palette
the server ends the machine."""

_BYTES = {
    SpiceBitmapFmt.BIT16: 2,
    SpiceBitmapFmt.BIT24: 3,
    SpiceBitmapFmt.BIT32: 4,
    SpiceBitmapFmt.RGBA: 4,
}


def image_of(
    card: QxlCard, form: SpiceBitmapFmt, width: int, height: int, *, top_down: bool = True
) -> int:
    per_byte, colours = FORMATS[form]
    stride = (width + per_byte - 1) // per_byte if per_byte else width * _BYTES[form]
    palette = [int.from_bytes(noise(3, seed), "big") for seed in range(colours)]
    return card.bitmap(
        form, width, height, noise(stride * height), palette=palette, top_down=top_down
    )


@pytest.mark.parametrize("top_down", [True, False])
@pytest.mark.parametrize("form", FORMATS)
def test_bitmaps(bench: Bench, form: SpiceBitmapFmt, top_down: bool) -> None:
    image = image_of(bench.card, form, 40, 30, top_down=top_down)
    bench.copy(image, (10, 10, 50, 40), (0, 0, 40, 30))
    bench.compare()


def test_a_part_of_an_image_and_raster_operations(bench: Bench) -> None:
    image = image_of(bench.card, SpiceBitmapFmt.BIT32, 40, 30)
    bench.copy(image, (10, 10, 30, 20), (5, 5, 25, 15), SpiceRopd.OP_XOR)
    bench.copy(image, (60, 60, 80, 70), (5, 5, 25, 15), SpiceRopd.OP_AND | SpiceRopd.INVERS_SRC)
    bench.copy(image, (90, 60, 110, 70), (0, 0, 20, 10), SpiceRopd.OP_OR, what=Draw.BLEND)
    bench.compare()


def test_images_larger_and_smaller_than_they_are(bench: Bench) -> None:
    image = image_of(bench.card, SpiceBitmapFmt.BIT32, 20, 15)
    bench.copy(image, (5, 5, 65, 50), (0, 0, 20, 15))
    bench.copy(image, (70, 5, 80, 12), (0, 0, 20, 15))
    bench.copy(image, (-10, 60, 90, 110), (2, 3, 18, 11))
    bench.compare()


def test_smooth_scaling_is_near(bench: Bench) -> None:
    data = b"".join(bytes((x * 8, y * 8, 0, 0)) for y in range(30) for x in range(30))
    image = bench.card.bitmap(SpiceBitmapFmt.BIT32, 30, 30, data)
    bench.copy(image, (10, 10, 110, 110), (5, 5, 25, 25), scale=0)
    bench.copy(image, (115, 5, 135, 33), (0, 0, 30, 30), scale=0)
    other = image_of(bench.card, SpiceBitmapFmt.BIT32, 20, 15)
    bench.copy(other, (100, 60, 150, 95), (0, 0, 20, 15), scale=0)
    # The server has 7 bits for where between two pixels it is.
    bench.compare(within=4)


@pytest.mark.parametrize("descriptor", [PUT, SpiceRopd.OP_XOR, SpiceRopd.OP_AND])
def test_opaque_fills(bench: Bench, descriptor: int) -> None:
    image = image_of(bench.card, SpiceBitmapFmt.BIT32, 40, 30)
    body = struct.pack("<Q", image) + rect((0, 0, 40, 30)) + solid(0xF0F00F)
    body += struct.pack("<HB", descriptor, 1) + NO_MASK
    bench.card.draw(Draw.OPAQUE, (10, 10, 50, 40), body)
    bench.compare()


@pytest.mark.parametrize("code", [0x1B, 0x2E, 0x6A, 0x8B, 0xB8, 0xCA, 0xE2, 0xFB])
def test_ternary_operations(bench: Bench, code: int) -> None:
    image = image_of(bench.card, SpiceBitmapFmt.BIT32, 40, 30)
    body = struct.pack("<Q", image) + rect((0, 0, 40, 30)) + solid(0x5599F1)
    body += struct.pack("<BB", code, 1) + NO_MASK
    bench.card.draw(Draw.ROP3, (10, 10, 50, 40), body)
    bench.compare()


def test_ternary_operations_with_a_pattern(bench: Bench) -> None:
    image = image_of(bench.card, SpiceBitmapFmt.BIT32, 40, 30)
    tile = bench.card.bitmap(SpiceBitmapFmt.BIT32, 8, 8, noise(256, 7))
    body = struct.pack("<Q", image) + rect((0, 0, 40, 30)) + pattern(tile, 3, 4)
    body += struct.pack("<BB", 0xB8, 1) + NO_MASK
    bench.card.draw(Draw.ROP3, (10, 10, 50, 40), body)
    bench.compare()


def test_transparent_colours(bench: Bench) -> None:
    palette = [0xFF0000, 0x00FF00]
    image = bench.card.bitmap(SpiceBitmapFmt.BIT1_BE, 40, 30, noise(5 * 30), palette=palette)
    body = struct.pack("<Q", image) + rect((0, 0, 40, 30))
    body += struct.pack("<II", 0x00FF00, 0x00FF00)
    bench.card.draw(Draw.TRANSPARENT, (10, 10, 50, 40), body)
    bench.compare()


@pytest.mark.parametrize("alpha", [0, 1, 128, 254, 255])
@pytest.mark.parametrize("form", [SpiceBitmapFmt.BIT32, SpiceBitmapFmt.RGBA])
def test_blending(bench: Bench, form: SpiceBitmapFmt, alpha: int) -> None:
    data = premultiplied(40 * 30)
    image = bench.card.bitmap(form, 40, 30, data)
    body = struct.pack("<HBQ", 0, alpha, image) + rect((0, 0, 40, 30))
    bench.card.draw(Draw.ALPHA_BLEND, (10, 10, 50, 40), body)
    bench.compare(within=1)


@pytest.mark.parametrize("by", [(0, 5), (5, 0), (-7, -3), (3, -9), (40, 40)])
def test_moving_bits(bench: Bench, by: tuple[int, int]) -> None:
    box = (20, 20, 90, 80)
    bench.card.draw(Draw.COPY_BITS, box, struct.pack("<ii", 20 - by[0], 20 - by[1]))
    bench.compare()


def test_other_surfaces(bench: Bench) -> None:
    card = bench.card
    card.create_surface(1, 50, 40)
    image = image_of(card, SpiceBitmapFmt.BIT32, 50, 40)
    whole: Box = (0, 0, 50, 40)
    part: Box = (3, 3, 23, 23)
    bench.copy(image, whole, whole, surface=1)
    bench.fill((5, 5, 20, 20), 0x00FF00, surface=1)
    shown = card.surface_image(1, 50, 40)
    bench.copy(shown, (30, 30, 80, 70), whole, needs=[(1, whole)])
    bench.copy(shown, (90, 30, 110, 50), part, SpiceRopd.OP_XOR, needs=[(1, part)])
    bench.compare()


def test_images_from_the_cache(bench: Bench) -> None:
    card = bench.card
    data = noise(40 * 30 * 4, 9)
    for index in range(3):
        image = card.bitmap(SpiceBitmapFmt.BIT32, 40, 30, data, identity=0x77 << 32 | 3, cache=True)
        bench.copy(image, (index * 45, 10, index * 45 + 40, 40), (0, 0, 40, 30))
    bench.compare()


def test_cursors(bench: Bench) -> None:
    card, spice = bench.card, bench.spice
    pixels = bytes(range(64)) * 4
    # To who comes later a server says the shape, and of the place that it is (0, 0).
    spice.cursor()
    card.set_cursor(30, 40, SpiceCursorType.ALPHA, 8, 8, pixels, (1, 2))
    cursor = seen(spice, lambda one: one.x == 30 and one.picture is not None)
    assert (cursor.y, cursor.visible, cursor.hot_x, cursor.hot_y) == (40, True, 1, 2)
    assert (cursor.width, cursor.height) == (8, 8)
    assert cursor.picture is not None
    assert cursor.picture.pixel(1, 0) == (6, 5, 4, 7)
    card.move_cursor(50, 60)
    assert seen(spice, lambda one: (one.x, one.y) == (50, 60)).picture is not None
    card.hide_cursor()
    assert not seen(spice, lambda one: not one.visible).visible


MONO_BITS = b"\xf0" * 8 + b"\xcc" * 8


@pytest.mark.parametrize(
    ("kind", "data", "first"),
    [
        (SpiceCursorType.MONO, MONO_BITS, (128, 128, 128, 128)),
        (
            SpiceCursorType.COLOR8,
            bytes(64) + struct.pack("<256I", 0x112233, *[0] * 255) + bytes(8),
            (17, 34, 51, 255),
        ),
        (SpiceCursorType.COLOR16, b"\0\x7c" * 64 + bytes(8), (255, 0, 0, 255)),
        (SpiceCursorType.COLOR24, b"\1\2\3" * 64 + bytes(8), (3, 2, 1, 255)),
        (SpiceCursorType.COLOR32, b"\1\2\3\0" * 64 + bytes(8), (3, 2, 1, 255)),
    ],
)
def test_cursors_of_other_kinds(
    bench: Bench, kind: int, data: bytes, first: tuple[int, ...]
) -> None:
    bench.card.set_cursor(kind, 5, kind, 8, 8, data)
    cursor = seen(bench.spice, lambda one: one.x == kind and one.visible)
    assert cursor.picture is not None
    assert cursor.picture.pixel(0, 0) == first


def seen(spice: SpiceSession, ready: Callable[[Cursor], bool]) -> Cursor:
    def probe() -> Cursor | NotYet:
        cursor = spice.cursor()
        return cursor if ready(cursor) else NotYet(f"{cursor}")

    return wait_for("the cursor", probe, Deadline(20), every=0.01)


def test_monitors(bench: Bench) -> None:
    bench.ours()
    bench.card.set_monitors((0, 0, 100, 120), (100, 0, 160, 120))

    def probe() -> bool | NotYet:
        monitors = bench.spice.status().monitors
        places = [(one.x, one.y, one.width, one.height) for one in monitors]
        return places == [(0, 0, 100, 120), (100, 0, 60, 120)] or NotYet(f"{monitors}")

    wait_for("two monitors", probe, Deadline(20), every=0.01)


LINES = [
    ([(10, 10), (100, 10)], "across"),
    ([(10, 10), (10, 100)], "down"),
    ([(100, 90), (10, 10)], "up and left"),
    ([(10, 100), (60, 10), (110, 100)], "a corner"),
    ([(10, 10), (100, 40), (20, 100), (10, 10)], "a triangle"),
]


def path_of(card: QxlCard, points: list[tuple[int, int]], flags: int) -> int:
    segment = struct.pack("<II", flags, len(points))
    segment += b"".join(struct.pack("<ii", x * 16, y * 16) for x, y in points)
    return card.put(struct.pack("<I", len(segment)) + card.chunk(segment))


@pytest.mark.parametrize(("points", "_name"), LINES)
def test_lines(bench: Bench, points: list[tuple[int, int]], _name: str) -> None:
    path = path_of(bench.card, points, 3)
    attributes = struct.pack("<BBBBiiQ", 0, 0, 0, 0, 0, 0, 0)
    body = struct.pack("<Q", path) + attributes + solid(0xFFFFFF) + struct.pack("<HH", PUT, PUT)
    bench.card.draw(Draw.STROKE, SCREEN, body)
    bench.compare()


@pytest.mark.parametrize("flags", [8, 12])
def test_dashed_lines(bench: Bench, flags: int) -> None:
    path = path_of(bench.card, [(10, 10), (100, 10), (100, 80)], 3)
    style = bench.card.put(struct.pack("<2i", 5 * 16, 3 * 16))
    attributes = struct.pack("<BBBBiiQ", flags, 0, 0, 2, 0, 0, style)
    body = struct.pack("<Q", path) + attributes + solid(0xFFFFFF) + struct.pack("<HH", PUT, PUT)
    bench.card.draw(Draw.STROKE, SCREEN, body)
    bench.compare()


def test_dashes_on_a_slope_are_near(bench: Bench) -> None:
    """The server draws dashes as small polygons, whose ends have other pixels than ours."""
    path = path_of(bench.card, [(10, 10), (100, 50), (20, 110)], 3)
    style = bench.card.put(struct.pack("<2i", 5 * 16, 3 * 16))
    attributes = struct.pack("<BBBBiiQ", 8, 0, 0, 2, 0, 0, style)
    body = struct.pack("<Q", path) + attributes + solid(0xFFFFFF) + struct.pack("<HH", PUT, PUT)
    bench.card.draw(Draw.STROKE, SCREEN, body)
    bench.compare(on_average=0.5)


def test_curves(bench: Bench) -> None:
    path = path_of(bench.card, [(10, 10), (60, 110), (100, 0), (140, 90)], 3 | 16)
    attributes = struct.pack("<BBBBiiQ", 0, 0, 0, 0, 0, 0, 0)
    body = struct.pack("<Q", path) + attributes + solid(0xFFFFFF) + struct.pack("<HH", PUT, PUT)
    bench.card.draw(Draw.STROKE, SCREEN, body)
    bench.compare()


def string_of(card: QxlCard, flags: int, glyph_bytes: Callable[[int, int], int]) -> int:
    glyphs = b""
    for index, (width, height) in enumerate(((9, 12), (5, 7), (16, 16))):
        glyphs += struct.pack("<iiii", 20 + index * 18, 40, 0, -height)
        glyphs += struct.pack("<HH", width, height)
        glyphs += noise(glyph_bytes(width, height), index)
    return card.put(struct.pack("<IHH", len(glyphs), 3, flags) + card.chunk(glyphs))


@pytest.mark.parametrize("back", [(0, 0, 0, 0), (15, 20, 80, 45)])
@pytest.mark.parametrize(
    ("flags", "size"),
    [
        (1, lambda width, height: (width + 7) // 8 * height),
        (2, lambda width, height: (width + 1) // 2 * height),
    ],
)
def test_text(bench: Bench, flags: int, size: Callable[[int, int], int], back: Box) -> None:
    string = string_of(bench.card, flags, size)
    body = struct.pack("<Q", string) + rect(back) + solid(0xFFFFFF) + solid(0x000080)
    body += struct.pack("<HH", PUT, PUT)
    bench.card.draw(Draw.TEXT, (0, 0, 120, 80), body)
    bench.compare(within=1)


@pytest.mark.parametrize("operator", range(14))
@pytest.mark.parametrize("masked", [False, True])
def test_composition(bench: Bench, operator: int, masked: bool) -> None:
    card = bench.card
    source = card.bitmap(SpiceBitmapFmt.RGBA, 40, 30, premultiplied(1200))
    other = card.bitmap(SpiceBitmapFmt.RGBA, 40, 30, premultiplied(1200, 8)) if masked else 0
    flags = operator | (1 << 19 if masked else 0)
    body = struct.pack("<IQQQQhhhh", flags, source, 0, other, 0, 2, 3, 0, 0)
    card.draw(Draw.COMPOSITE, (10, 10, 40, 30), body)
    bench.compare(within=1)


@pytest.mark.parametrize("repeat", range(4))
def test_composition_repeats(bench: Bench, repeat: int) -> None:
    source = bench.card.bitmap(SpiceBitmapFmt.RGBA, 13, 9, premultiplied(13 * 9))
    body = struct.pack("<IQQQQhhhh", 3 | repeat << 14, source, 0, 0, 0, -4, -5, 0, 0)
    bench.card.draw(Draw.COMPOSITE, (10, 10, 60, 50), body)
    bench.compare(within=1)


@pytest.mark.parametrize("filtering", [0, 1])
def test_composition_transforms(bench: Bench, filtering: int) -> None:
    card = bench.card
    source = card.bitmap(SpiceBitmapFmt.RGBA, 40, 30, premultiplied(1200))
    matrix = card.put(struct.pack("<6i", 32768, 0, 0, 0, 32768, 0))
    body = struct.pack("<IQQQQhhhh", 3 | filtering << 8, source, matrix, 0, 0, 0, 0, 0, 0)
    card.draw(Draw.COMPOSITE, (10, 10, 80, 60), body)
    bench.compare(within=2)


def test_a_screen_of_16_bits(shared: Bench) -> None:
    """The last one here: it takes the place of the screen that the others draw on."""
    card = shared.card
    card.stop()
    card.start(WIDTH, HEIGHT, SpiceSurfaceFmt.RGB16_555)
    image = image_of(card, SpiceBitmapFmt.BIT16, 40, 30)
    wait_for(
        "the new screen",
        lambda: shared.spice.screenshot().pixels.count(0) > 3 * WIDTH or NotYet("the old one"),
        Deadline(20),
    )
    shared.fill((0, 0, WIDTH, HEIGHT), 0b11111_00000_10101)
    shared.copy(image, (10, 10, 50, 40), (0, 0, 40, 30))
    shared.copy(image, (60, 10, 100, 40), (0, 0, 40, 30), SpiceRopd.OP_XOR)
    shared.fill((70, 60, 100, 90), 0b00000_11111_00000, SpiceRopd.OP_OR)
    colour = image_of(card, SpiceBitmapFmt.BIT32, 40, 30)
    shared.copy(colour, (110, 10, 150, 40), (0, 0, 40, 30))
    shared.compare(mark=0b11111_11111_11111)
