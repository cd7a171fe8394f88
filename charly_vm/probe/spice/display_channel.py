"""The display channel: surfaces, what is drawn on them, and monitors."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from charly_vm.errors import ProbeError
from charly_vm.probe.spice.channel import Channel, Handler
from charly_vm.probe.spice.drawing import Drawing
from charly_vm.probe.spice.handshake import Link
from charly_vm.probe.spice.images import require_dimensions
from charly_vm.probe.spice.limits import (
    GLZ_WINDOW_PIXELS,
    MAX_DISPLAY_MESSAGE,
    MAX_HEADS,
    PIXMAP_CACHE_PIXELS,
)
from charly_vm.probe.spice.protocol.drawing import (
    SpiceImageCompression,
    SpiceResourceType,
    SpiceSurfaceFlags,
    SpiceSurfaceFmt,
)
from charly_vm.probe.spice.protocol.linking import SpiceDisplayCap
from charly_vm.probe.spice.protocol.messages import SpiceMsgcDisplay, SpiceMsgDisplay
from charly_vm.probe.spice.raster import Surface
from charly_vm.probe.spice.reader import Reader
from charly_vm.probe.spice.streams import Streams

_INIT = struct.Struct("<BqBi")
_HEAD = struct.Struct("<7I")

_FORMATS_BY_BITS = {16: SpiceSurfaceFmt.RGB16_555, 32: SpiceSurfaceFmt.XRGB32}


class ShownByGl(ProbeError):
    """The server hands out buffers of the graphics card instead of pictures."""


@dataclass(frozen=True, slots=True)
class Head:
    """A monitor: the part of a surface that it shows, in pixels."""

    number: int
    surface: int
    x: int
    y: int
    width: int
    height: int


class DisplayChannel(Channel):
    """One display. `changed` is notified after each message."""

    message_limit = MAX_DISPLAY_MESSAGE

    def __init__(
        self,
        link: Link,
        changed: threading.Condition,
        compression: SpiceImageCompression | None,
    ) -> None:
        """`compression` is what the server is asked for; None asks for nothing."""
        self.drawing = Drawing()
        self.marked = False
        """Whether the server has said that what is drawn by now is to be shown."""
        self.heads: list[Head] = []
        self.began = self.latest = time.monotonic()
        """When the channel was opened, and when its latest message came."""
        self._compression = compression
        self._streams = Streams(self.drawing, self.note)
        super().__init__(link, changed)

    def handlers(self) -> Mapping[int, Handler]:
        return {
            **self.drawing.commands,
            **self._streams.commands,
            SpiceMsgDisplay.MODE: self._on_mode,
            SpiceMsgDisplay.MARK: self._on_mark,
            SpiceMsgDisplay.RESET: self._on_reset,
            SpiceMsgDisplay.SURFACE_CREATE: self._on_surface,
            SpiceMsgDisplay.SURFACE_DESTROY: self._on_no_surface,
            SpiceMsgDisplay.INVAL_LIST: self._on_inval_list,
            SpiceMsgDisplay.INVAL_ALL_PIXMAPS: self._on_inval_all_pixmaps,
            SpiceMsgDisplay.INVAL_PALETTE: self._on_inval_palette,
            SpiceMsgDisplay.INVAL_ALL_PALETTES: self._on_inval_all_palettes,
            SpiceMsgDisplay.MONITORS_CONFIG: self._on_monitors,
            SpiceMsgDisplay.GL_SCANOUT_UNIX: self._on_gl,
            SpiceMsgDisplay.GL_DRAW: self._on_gl,
            SpiceMsgDisplay.QUALITY_INDICATOR: self._on_nothing,
        }

    def begin(self) -> None:
        # Before INIT, at which the server begins to send: the first picture is the largest.
        if (
            self._compression is not None
            and SpiceDisplayCap.PREF_COMPRESSION in self.link.channel_caps
        ):
            self.send(SpiceMsgcDisplay.PREFERRED_COMPRESSION, bytes([self._compression]))
        # Caches and dictionaries of one number are shared by displays, and then their messages
        # wait for each other: each display has its own.
        number = self.link.channel_id
        body = _INIT.pack(number, PIXMAP_CACHE_PIXELS, number, GLZ_WINDOW_PIXELS)
        self.send(SpiceMsgcDisplay.INIT, body)

    def release(self) -> None:
        self.drawing.release()

    def receive(self) -> bool:
        came = super().receive()
        if came:
            self.latest = time.monotonic()
        return came

    def _on_mode(self, reader: Reader) -> None:
        width, height, bits = reader.u32(), reader.u32(), reader.u32()
        form = _FORMATS_BY_BITS.get(bits)
        if form is None:
            raise reader.error(f"{bits} bits per pixel are no mode")
        require_dimensions(reader, width, height)
        self.drawing.create(reader, Surface(0, width, height, form))

    def _on_mark(self, reader: Reader) -> None:
        self.marked = True

    def _on_reset(self, reader: Reader) -> None:
        self.drawing.decoder.palettes.clear()
        primary = self.drawing.surfaces.get(0)
        if primary is not None:
            primary.data[:] = bytes(len(primary.data))

    def _on_surface(self, reader: Reader) -> None:
        number, width, height, form = reader.u32(), reader.u32(), reader.u32(), reader.u32()
        flags = reader.u32()
        require_dimensions(reader, width, height)
        try:
            surface_format = SpiceSurfaceFmt(form)
        except ValueError as error:
            raise reader.error(f"{form} is no format of surfaces") from error
        if flags & SpiceSurfaceFlags.PRIMARY and number:
            self.note(f"surface {number} is said to be the screen; only surface 0 is taken for it")
        self.drawing.create(reader, Surface(number, width, height, surface_format))

    def _on_no_surface(self, reader: Reader) -> None:
        self.drawing.surfaces.pop(reader.u32(), None)

    def _on_inval_list(self, reader: Reader) -> None:
        count = reader.count(reader.u16(), 9, 65535, "resources")
        for _ in range(count):
            kind, identity = reader.u8(), reader.u64()
            if kind == SpiceResourceType.PIXMAP:
                self.drawing.decoder.images.forget(identity)

    def _on_inval_all_pixmaps(self, reader: Reader) -> None:
        self.waits = self.read_waits(reader)
        self.drawing.decoder.images.clear()

    def _on_inval_palette(self, reader: Reader) -> None:
        self.drawing.decoder.palettes.forget(reader.u64())

    def _on_inval_all_palettes(self, reader: Reader) -> None:
        self.drawing.decoder.palettes.clear()

    def _on_monitors(self, reader: Reader) -> None:
        count, _ = reader.u16(), reader.u16()
        reader.count(count, _HEAD.size, MAX_HEADS, "monitors")
        heads = []
        for _ in range(count):
            number, surface, width, height, x, y, _flags = reader.fields(_HEAD)
            heads.append(Head(number, surface, x, y, width, height))
        self.heads = heads

    def _on_gl(self, reader: Reader) -> None:
        raise ShownByGl(
            "the SPICE server shows this display by GL, in memory of the graphics card, and sends"
            " no pictures of it",
            hint="start the machine with gl=off (libvirt: <gl enable='no'/>) to look at it",
        )

    def _on_nothing(self, reader: Reader) -> None:
        pass
