"""Reading little-endian numbers out of a message, never beyond its end."""

from __future__ import annotations

import struct
from typing import Any

from charly_vm.probe.spice.failures import SpiceProtocolError

Buffer = bytes | bytearray | memoryview

_U16 = struct.Struct("<H")
_I16 = struct.Struct("<h")
_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")
_U64 = struct.Struct("<Q")


class Reader:
    """A position in a message. Whatever would read beyond the end raises `SpiceProtocolError`.

    `what` names the message in that error. Nothing is copied: `take` gives a view.
    """

    __slots__ = ("_data", "position", "what")

    def __init__(self, data: Buffer, what: str, position: int = 0) -> None:
        self._data = memoryview(data)
        self.what = what
        self.position = position
        if position > len(self._data):
            raise self.error(f"it points to byte {position} of {len(self._data)}")

    def error(self, why: str) -> SpiceProtocolError:
        """The error for a message that cannot be; the caller raises it."""
        return SpiceProtocolError(f"the SPICE server sent a {self.what} that cannot be: {why}")

    @property
    def remaining(self) -> int:
        """Bytes that are left."""
        return len(self._data) - self.position

    def at(self, position: int) -> Reader:
        """Another reader of the same message: pointers on the wire are offsets into it."""
        return Reader(self._data, self.what, position)

    def take(self, size: int) -> memoryview:
        """The next `size` bytes, as a view."""
        start = self.position
        if size > len(self._data) - start:
            raise self.error(f"it ends {size - self.remaining} bytes too early")
        self.position = start + size
        return self._data[start : start + size]

    def rest(self) -> memoryview:
        """All that is left."""
        return self.take(self.remaining)

    def count(self, number: int, size: int, limit: int, noun: str) -> int:
        """`number` again, if so many things of at least `size` bytes fit into what is left.

        Called before memory is taken for them; `limit` holds even where they would fit.
        """
        if number > limit:
            raise self.error(f"{number} {noun} are more than the {limit} that are allowed")
        if number * size > self.remaining:
            raise self.error(f"{number} {noun} do not fit into its {self.remaining} bytes")
        return number

    def u8(self) -> int:
        return self.take(1)[0]

    def u16(self) -> int:
        return int(self._number(_U16))

    def i16(self) -> int:
        return int(self._number(_I16))

    def u32(self) -> int:
        return int(self._number(_U32))

    def i32(self) -> int:
        return int(self._number(_I32))

    def u64(self) -> int:
        return int(self._number(_U64))

    def fields(self, layout: struct.Struct) -> tuple[Any, ...]:
        """Several numbers at once."""
        return layout.unpack(self.take(layout.size))

    def _number(self, layout: struct.Struct) -> Any:
        return layout.unpack(self.take(layout.size))[0]
