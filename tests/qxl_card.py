"""A driver for QEMU's QXL graphics card that runs in the test instead of in a guest.

So a test can hand the SPICE server any drawing command there is, and compare what we make of its
messages with what the server itself draws. Layouts are those of `spice/qxl_dev.h`.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path

from qtest_bus import VGA_SLOT, QtestBus

Box = tuple[int, int, int, int]
"""Left, top, right, bottom."""

_SLOT = 1

_COMMANDS = 4108
_CURSORS = _COMMANDS + 20 + 32 * 16
_RELEASES = _CURSORS + 20 + 32 * 16
_MEM_SLOT = _RELEASES + 20 + 8 * 8 + 16 + 4
_CREATE_SURFACE = _MEM_SLOT + 16
_MONITORS = _CREATE_SURFACE + 40 + 8


class Draw(IntEnum):
    """`QXL_DRAW_…`"""

    FILL = 1
    OPAQUE = 2
    COPY = 3
    COPY_BITS = 4
    BLEND = 5
    BLACKNESS = 6
    WHITENESS = 7
    INVERS = 8
    ROP3 = 9
    STROKE = 10
    TEXT = 11
    TRANSPARENT = 12
    ALPHA_BLEND = 13
    COMPOSITE = 14


class Port(IntEnum):
    """`QXL_IO_…`"""

    NOTIFY_CMD = 0
    NOTIFY_CURSOR = 1
    RESET = 5
    MEMSLOT_ADD = 8
    CREATE_PRIMARY = 12
    DESTROY_PRIMARY = 13
    MONITORS_CONFIG_ASYNC = 24


class QxlCard:
    """The card in the slot in which `-vga qxl` puts it."""

    def __init__(self, qtest: Path) -> None:
        self._bus = QtestBus(qtest)
        self._identity = 0
        self._ram, _, rom_address, self._io = (
            self._bus.configured(VGA_SLOT, register) & ~15 for register in (0x10, 0x14, 0x18, 0x1C)
        )
        rom = self._bus.read(rom_address, 72)
        self._header = struct.unpack_from("<I", rom, 44)[0]
        self._next = struct.unpack_from("<I", rom, 40)[0]
        slot_bits = rom[67]
        self._high = _SLOT << 64 - slot_bits
        self._out(Port.RESET, 0)
        slot = struct.pack("<QQ", self._ram, self._ram + 0x4000000)
        self._bus.write(self._ram + self._header + _MEM_SLOT, slot)
        self._out(Port.MEMSLOT_ADD, _SLOT)

    def close(self) -> None:
        self._bus.close()

    def start(self, width: int, height: int, form: int = 32) -> None:
        """Create the screen; `form` is a `SpiceSurfaceFmt`."""
        stride = width * (2 if form in (16, 80) else 4)
        create = struct.pack("<IIiIIIIIQ", width, height, stride, form, 0, 0, 0, 0, self._high)
        self._bus.write(self._ram, bytes(stride * height))
        self._bus.write(self._ram + self._header + _CREATE_SURFACE, create)
        self._out(Port.CREATE_PRIMARY, 0)

    def stop(self) -> None:
        """Take the screen away."""
        self._out(Port.DESTROY_PRIMARY, 0)

    def put(self, data: bytes) -> int:
        """Data in the card's memory, by the address that commands have for it."""
        address: int = self._next
        self._next += (len(data) + 15) // 16 * 16
        self._bus.write(self._ram + address, data)
        return self._high + address

    def bitmap(
        self,
        form: int,
        width: int,
        height: int,
        data: bytes,
        *,
        palette: Sequence[int] = (),
        top_down: bool = True,
        identity: int | None = None,
        cache: bool = False,
    ) -> int:
        """An image that is a bitmap; rows have the least bytes that they need."""
        stride = len(data) // height
        colours = 0
        if palette:
            self._identity += 1
            colours = self.put(
                struct.pack(f"<QH{len(palette)}I", self._identity, len(palette), *palette)
            )
        if identity is None:
            self._identity += 1
            identity = self._identity << 32
        flags = 1 | (4 if top_down else 0)
        body = struct.pack("<QBBII", identity, 0, int(cache), width, height)
        body += struct.pack("<BBIIIQQ", form, flags, width, height, stride, colours, self.put(data))
        return self.put(body)

    def surface_image(self, surface: int, width: int, height: int) -> int:
        """An image that is what another surface shows."""
        body = struct.pack("<QBBII", 0, 104, 0, width, height) + struct.pack("<I", surface)
        return self.put(body)

    def chunk(self, data: bytes) -> bytes:
        """A `QXLDataChunk` of its own."""
        return struct.pack("<IQQ", len(data), 0, 0) + data

    def create_surface(self, number: int, width: int, height: int, form: int = 32) -> None:
        data = self.put(bytes(width * height * 4))
        body = struct.pack("<QIBI", self._release(), number, 0, 0)
        body += struct.pack("<IIIiQ", form, width, height, width * 4, data)
        self._push(_COMMANDS, 5, body, Port.NOTIFY_CMD)

    def draw(
        self,
        what: Draw,
        box: Box,
        body: bytes,
        *,
        surface: int = 0,
        clips: Sequence[Box] = (),
        needs: Sequence[tuple[int, Box]] = (),
        opaque: bool = False,
    ) -> None:
        """Hand over a `QXLDrawable`; `needs` says which parts of which surfaces it reads.

        An `opaque` one leaves nothing of what was there: the server need not draw that any more.
        """
        head = struct.pack("<QIBBB", self._release(), surface, int(opaque), what, 0)
        head += bytes(16) + rect(box)
        if clips:
            rects = b"".join(map(rect, clips))
            body_of_clips = struct.pack("<I", len(clips)) + self.chunk(rects)
            head += struct.pack("<IQ", 1, self.put(body_of_clips))
        else:
            head += struct.pack("<IQ", 0, 0)
        head += struct.pack("<I", 0)
        nothing = -1, (0, 0, 0, 0)
        needed = [*needs, nothing, nothing, nothing][:3]
        head += struct.pack("<3i", *(number for number, _ in needed))
        head += b"".join(rect(area) for _, area in needed)
        self._push(_COMMANDS, 1, head + body, Port.NOTIFY_CMD)

    def set_cursor(
        self,
        x: int,
        y: int,
        kind: int,
        width: int,
        height: int,
        data: bytes,
        hot: tuple[int, int] = (0, 0),
        *,
        visible: bool = True,
    ) -> None:
        self._identity += 1
        shape = struct.pack("<QHHHHH", self._identity, kind, width, height, *hot)
        shape += struct.pack("<I", len(data)) + self.chunk(data)
        body = struct.pack("<QBhhBQ", self._release(), 0, x, y, visible, self.put(shape))
        self._push(_CURSORS, 3, body + bytes(128), Port.NOTIFY_CURSOR)

    def move_cursor(self, x: int, y: int) -> None:
        body = struct.pack("<QBhh", self._release(), 1, x, y).ljust(9 + 13 + 128, b"\0")
        self._push(_CURSORS, 3, body, Port.NOTIFY_CURSOR)

    def hide_cursor(self) -> None:
        body = struct.pack("<QB", self._release(), 2).ljust(9 + 13 + 128, b"\0")
        self._push(_CURSORS, 3, body, Port.NOTIFY_CURSOR)

    def set_monitors(self, *heads: Box) -> None:
        body = struct.pack("<HH", len(heads), len(heads))
        for number, (left, top, right, bottom) in enumerate(heads):
            body += struct.pack("<7I", number, 0, right - left, bottom - top, left, top, 0)
        self._bus.write(self._ram + self._header + _MONITORS, struct.pack("<Q", self.put(body)))
        self._out(Port.MONITORS_CONFIG_ASYNC, 0)

    def _release(self) -> int:
        self._identity += 1
        return self._identity

    def _push(self, ring: int, kind: int, body: bytes, port: Port) -> None:
        start = self._ram + self._header + ring
        _, produced, _, consumed, _ = struct.unpack("<5I", self._bus.read(start, 20))
        while produced - consumed >= 32:
            consumed = struct.unpack("<I", self._bus.read(start + 12, 4))[0]
        slot = start + 20 + produced % 32 * 16
        self._bus.write(slot, struct.pack("<QII", self.put(body), kind, 0))
        self._bus.write(start + 4, struct.pack("<I", produced + 1))
        self._out(port, 0)

    def _out(self, port: Port, value: int) -> None:
        self._bus.out(self._io + port, value)


def rect(box: Box) -> bytes:
    """A `QXLRect`."""
    left, top, right, bottom = box
    return struct.pack("<4i", top, left, bottom, right)


def solid(colour: int) -> bytes:
    """A `QXLBrush` of one colour."""
    return struct.pack("<IIQI", 1, colour, 0, 0)


def pattern(image: int, x: int, y: int) -> bytes:
    """A `QXLBrush` that repeats an image."""
    return struct.pack("<IQii", 2, image, x, y)


NO_MASK = struct.pack("<BiiQ", 0, 0, 0, 0)


def mask(image: int, x: int, y: int, *, inverted: bool = False) -> bytes:
    """A `QXLQMask`."""
    return struct.pack("<BiiQ", int(inverted), x, y, image)
