"""What a guest says on its serial console, read line by line from the log while it is written.

A firmware and a boot menu paint their screens with control sequences; none of these comes through,
so that the lines may stand among others on somebody's terminal.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

CHUNK = 1 << 20
LONGEST = 4096
"""Bytes of a line that does not end: more are shown as another line."""

_SEQUENCES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, the cursor, modes
    r"|\x1b[\]PX^_].*?(?:\x07|\x1b\\|$)"  # OSC, DCS and the like, with the text in them
    r"|\x1b[ -/]*[0-~]?"  # the short ones
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def plain_line(line: bytes) -> str:
    """A line as plain text. Of what was written over each other, the last."""
    text = _SEQUENCES.sub("", line.decode("utf-8", "replace"))
    written = [part for part in text.split("\r") if part.strip()]
    return _CONTROLS.sub("", written[-1]).expandtabs().rstrip() if written else ""


class ConsoleLog:
    """A reader of one log. It outlives the log: a machine's next one is read from its beginning."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream: BinaryIO | None = None
        self._rest = b""
        self._read = 0

    def skip(self) -> None:
        """Leave out what is there already, which an earlier machine has said."""
        self._open()
        if self._stream is not None:
            self._read = self._stream.seek(0, os.SEEK_END)

    def read(self, *, unfinished: bool = False) -> list[str]:
        """The lines that are new since the last call, without empty ones.

        With `unfinished` also the last one that has no end, such as a login prompt.
        """
        lines = self._new()
        if self._is_replaced():
            # The end of the old one, which may be gone from the file system by now.
            lines += [*self._new(), *self._end()]
            self.close()
            self._open()
            lines += self._new()
        if unfinished:
            lines += self._end()
        return [text for line in lines if (text := plain_line(line))]

    @property
    def is_unfinished(self) -> bool:
        """Whether the last line has no end yet."""
        return bool(self._rest)

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
        self._stream, self._rest, self._read = None, b"", 0

    def _open(self) -> None:
        with suppress(OSError):
            self._stream = self._path.open("rb")

    def _is_replaced(self) -> bool:
        try:
            there = self._path.stat()
        except OSError:
            return False
        if self._stream is None:
            return True
        ours = os.fstat(self._stream.fileno())
        other = (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino)
        return other or ours.st_size < self._read

    def _new(self) -> list[bytes]:
        if self._stream is None:
            return []
        data = self._stream.read(CHUNK)
        self._read += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST:
            lines += self._end()
        return lines

    def _end(self) -> list[bytes]:
        rest, self._rest = self._rest, b""
        return [rest] if rest else []
