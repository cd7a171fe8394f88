"""The cursor channel: where the guest's cursor is, whether it is seen, and its shape."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from charly_vm.probe.spice.channel import Channel, Handler
from charly_vm.probe.spice.cursor_shape import Shape, read_shape
from charly_vm.probe.spice.handshake import Link
from charly_vm.probe.spice.limits import MAX_CURSORS
from charly_vm.probe.spice.picture import Picture
from charly_vm.probe.spice.protocol.devices import SpiceCursorFlags
from charly_vm.probe.spice.protocol.messages import SpiceMsgCursor
from charly_vm.probe.spice.reader import Reader


@dataclass(frozen=True, slots=True)
class Cursor:
    """The cursor: its position in pixels, which the hot spot of its picture points at.

    Without a picture the guest has said nothing of a shape, as one does that draws it itself.
    """

    x: int
    y: int
    visible: bool
    hot_x: int = 0
    hot_y: int = 0
    width: int = 0
    height: int = 0
    picture: Picture | None = None


class CursorChannel(Channel):
    def __init__(self, link: Link, changed: threading.Condition) -> None:
        self.ready = False
        """Whether the server has said where it all begins."""
        self._x = 0
        self._y = 0
        self._visible = False
        self._shape: Shape | None = None
        self._cache: dict[int, Shape] = {}
        super().__init__(link, changed)

    @property
    def cursor(self) -> Cursor:
        shape = self._shape
        if shape is None:
            return Cursor(self._x, self._y, self._visible)
        return Cursor(
            self._x,
            self._y,
            self._visible,
            shape.hot_x,
            shape.hot_y,
            shape.picture.width,
            shape.picture.height,
            shape.picture,
        )

    def handlers(self) -> Mapping[int, Handler]:
        return {
            SpiceMsgCursor.INIT: self._on_init,
            SpiceMsgCursor.RESET: self._on_reset,
            SpiceMsgCursor.SET: self._on_set,
            SpiceMsgCursor.MOVE: self._on_move,
            SpiceMsgCursor.HIDE: self._on_hide,
            SpiceMsgCursor.TRAIL: self._on_trail,
            SpiceMsgCursor.INVAL_ONE: self._on_inval_one,
            SpiceMsgCursor.INVAL_ALL: self._on_inval_all,
        }

    def _on_init(self, reader: Reader) -> None:
        self._cache.clear()
        x, y = reader.i16(), reader.i16()
        # The trail that it leaves is a matter of taste.
        reader.u16()
        reader.u16()
        self._set(x, y, reader)
        self.ready = True

    def _on_set(self, reader: Reader) -> None:
        self._set(reader.i16(), reader.i16(), reader)

    def _set(self, x: int, y: int, reader: Reader) -> None:
        visible = bool(reader.u8())
        self._shape = self._read(reader)
        self._x, self._y, self._visible = x, y, visible

    def _read(self, reader: Reader) -> Shape | None:
        flags = reader.u16()
        if flags & SpiceCursorFlags.NONE:
            return None
        identity = reader.u64()
        if flags & SpiceCursorFlags.FROM_CACHE:
            found = self._cache.get(identity)
            if found is None:
                raise reader.error(f"its cursor {identity:#x} should be in our cache and is not")
            return found
        shape = read_shape(reader)
        if flags & SpiceCursorFlags.CACHE_ME:
            self._cache.pop(identity, None)
            while len(self._cache) >= MAX_CURSORS:
                del self._cache[next(iter(self._cache))]
            self._cache[identity] = shape
        return shape

    def _on_move(self, reader: Reader) -> None:
        # Only a cursor that is seen is moved.
        self._x, self._y = reader.i16(), reader.i16()
        self._visible = True

    def _on_hide(self, reader: Reader) -> None:
        self._visible = False

    def _on_reset(self, reader: Reader) -> None:
        self._cache.clear()
        self._shape = None
        self._visible = False

    def _on_trail(self, reader: Reader) -> None:
        reader.u16()
        reader.u16()

    def _on_inval_one(self, reader: Reader) -> None:
        self._cache.pop(reader.u64(), None)

    def _on_inval_all(self, reader: Reader) -> None:
        self._cache.clear()
