"""Video streams: areas of a surface that the server sends as frames of a codec.

Only Motion JPEG is drawn; the client announces no other codec, and notes whatever comes all the
same. A server makes streams of what changes often, if it is told to.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace

from charly_vm.probe.spice.canvas.painter import paint
from charly_vm.probe.spice.canvas.rop import SOURCE
from charly_vm.probe.spice.canvas.scaling import scale
from charly_vm.probe.spice.canvas.sources import Placed
from charly_vm.probe.spice.codecs.jpeg import decode_jpeg
from charly_vm.probe.spice.draw_messages import Base, read_clip
from charly_vm.probe.spice.drawing import Drawing, bounding
from charly_vm.probe.spice.geometry import Rect, read_rect
from charly_vm.probe.spice.images import require_dimensions
from charly_vm.probe.spice.limits import MAX_STREAMS
from charly_vm.probe.spice.protocol.drawing import (
    SpiceImageScaleMode,
    SpiceStreamFlags,
    SpiceVideoCodecType,
)
from charly_vm.probe.spice.protocol.messages import SpiceMsgDisplay
from charly_vm.probe.spice.reader import Reader

_CREATE = struct.Struct("<IIBBQIIII")


@dataclass(frozen=True, slots=True)
class Stream:
    """Frames of `width` by `height` pixels that fill `box` of a surface."""

    surface: int
    codec: int
    top_down: bool
    width: int
    height: int
    box: Rect
    clips: list[Rect] | None


class Streams:
    """The streams of one display channel."""

    def __init__(self, drawing: Drawing, note: Callable[[str], None]) -> None:
        self._drawing = drawing
        self._note = note
        self._streams: dict[int, Stream] = {}
        self.commands: dict[int, Callable[[Reader], None]] = {
            SpiceMsgDisplay.STREAM_CREATE: self._create,
            SpiceMsgDisplay.STREAM_DATA: self._data,
            SpiceMsgDisplay.STREAM_DATA_SIZED: self._sized_data,
            SpiceMsgDisplay.STREAM_CLIP: self._clip,
            SpiceMsgDisplay.STREAM_DESTROY: self._destroy,
            SpiceMsgDisplay.STREAM_DESTROY_ALL: lambda reader: self._streams.clear(),
            SpiceMsgDisplay.STREAM_ACTIVATE_REPORT: lambda reader: None,
        }

    def _create(self, reader: Reader) -> None:
        surface, number, flags, codec, _, width, height, _, _ = reader.fields(_CREATE)
        if number >= MAX_STREAMS:
            raise reader.error(f"{number} is no number of a stream")
        require_dimensions(reader, width, height)
        top_down = bool(flags & SpiceStreamFlags.TOP_DOWN)
        box, clips = read_rect(reader), read_clip(reader)
        self._streams[number] = Stream(surface, codec, top_down, width, height, box, clips)
        if codec != SpiceVideoCodecType.MJPEG:
            self._note(f"a part of the screen is a video of codec {codec}, which is not drawn")

    def _data(self, reader: Reader) -> None:
        stream = self._require(reader)
        reader.u32()
        self._draw(reader, stream)

    def _sized_data(self, reader: Reader) -> None:
        stream = self._require(reader)
        reader.u32()
        width, height = reader.u32(), reader.u32()
        require_dimensions(reader, width, height)
        self._draw(reader, replace(stream, width=width, height=height, box=read_rect(reader)))

    def _clip(self, reader: Reader) -> None:
        number = reader.u32()
        stream = self._require(reader.at(reader.position - 4))
        self._streams[number] = replace(stream, clips=read_clip(reader))

    def _destroy(self, reader: Reader) -> None:
        self._streams.pop(reader.u32(), None)

    def _require(self, reader: Reader) -> Stream:
        number = reader.u32()
        found = self._streams.get(number)
        if found is None:
            raise reader.error(f"there is no stream {number}")
        return found

    def _draw(self, reader: Reader, stream: Stream) -> None:
        data = reader.take(reader.u32())
        if stream.codec != SpiceVideoCodecType.MJPEG:
            return
        try:
            frame = decode_jpeg(data, stream.width, stream.height)
        except ValueError as error:
            # One frame is soon followed by the next.
            self._note(f"a frame of a video could not be decoded: {error}")
            return
        surface = self._drawing.require_surface(reader, stream.surface)
        base = Base(stream.surface, stream.box, stream.clips)
        region = self._drawing.region(reader, surface, base)
        if not region:
            return
        part = bounding(region)
        scaled = scale(frame, frame.bounds, stream.box, part, SpiceImageScaleMode.INTERPOLATE)
        paint(surface, region, SOURCE, source=Placed(scaled, part.left, part.top))
