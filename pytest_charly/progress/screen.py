"""The terminal that pytest writes to, shared with it: no line of either is torn by the other.

All that pytest writes comes through here, so that the line which it has not ended yet is known. On
a terminal it stays the last of pytest's lines: ours come above it, and the live area below it. In a
pipe, where nothing can be taken back, it is ended first.

The cursor always rests where pytest thinks that it is. So the area is erased by clearing from there
to the end of the screen, which holds however far the terminal has scrolled.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Sequence
from typing import IO, TextIO

_SEQUENCES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\].*?(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]")
_CLEAR_DOWN = "\x1b[J"


class Screen:
    """May be used by several threads."""

    def __init__(
        self, stream: TextIO, *, live: bool, end_pytests_line: Callable[[], None] | None = None
    ) -> None:
        """`live` says that the stream is a terminal which can do more than add lines.

        `end_pytests_line` has pytest itself end its line, where lines can only be added.
        """
        self.is_live = live
        self._stream = stream
        self._end_pytests_line = end_pytests_line
        self._lock = threading.RLock()
        self._line = ""
        """What pytest has written of the line that it has not ended."""
        self._has_ended_line = False
        """Whether ours is the last line, where lines can only be added."""
        self._area: Sequence[str] = ()
        self._is_drawn = False
        self._is_paused = False
        self._kept: list[str] = []
        """Lines that wait for the end of a pause."""

    def write(self, text: str) -> None:
        """What pytest writes."""
        with self._lock:
            if self._has_ended_line and text:
                self._has_ended_line = False
                # pytest ends a line of its own where there is none any more.
                text = text.removeprefix("\n")
            _, ends, rest = text.rpartition("\n")
            self._line = rest if ends else self._line + rest
            out = self._erase() + text + self._draw()
            self._stream.write(out)
            if self._is_drawn:
                self._stream.flush()

    def flush(self) -> None:
        with self._lock:
            self._stream.flush()

    def put(self, lines: Sequence[str]) -> None:
        """Lines of ours, that stay."""
        if not lines:
            return
        with self._lock:
            if self._is_paused:
                self._kept += lines
                return
            if not self.is_live:
                if self._line and self._end_pytests_line:
                    self._end_pytests_line()
                self._stream.write("".join(f"{line}\n" for line in lines))
                self._has_ended_line = True
            else:
                above = "".join(f"{line}\r\n" for line in lines)
                back = self._back_to_the_beginning() + _CLEAR_DOWN
                self._is_drawn = False
                self._stream.write(back + above + self._line + self._draw())
            self._stream.flush()

    def show(self, area: Sequence[str]) -> None:
        """The live area from now on; each line has to be narrower than the terminal."""
        with self._lock:
            changed, self._area = list(area) != list(self._area), area
            if changed and self.is_live and not self._is_paused:
                self._stream.write(self._erase() + self._draw())
                self._stream.flush()

    def pause(self) -> None:
        """Leave the terminal to somebody who works at it."""
        with self._lock:
            self._is_paused = True
            self._stream.write(self._erase())
            self._stream.flush()

    def resume(self) -> None:
        with self._lock:
            if self._is_paused:
                self._is_paused = False
                kept, self._kept = self._kept, []
                self.put(kept)

    def clear(self) -> None:
        """Nothing of ours is live any more."""
        self.resume()
        self.show([])
        self.flush()

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines."""
        try:
            columns, lines = os.get_terminal_size(self._stream.fileno())
        except OSError:
            columns = lines = 0
        # A terminal that does not know says 0.
        return columns or 80, lines or 24

    def _erase(self) -> str:
        if not self._is_drawn:
            return ""
        self._is_drawn = False
        return _CLEAR_DOWN

    def _draw(self) -> str:
        if not self.is_live or self._is_paused or not self._area:
            return ""
        column = self._width() % self.size[0]
        if self._line and not column:
            # A terminal goes to the next row with the next character only, and nothing but that
            # character brings the cursor back to this state.
            return ""
        self._is_drawn = True
        # Below pytest's line, or in its place where it is empty.
        down = "\r\n" if column else ""
        up = len(self._area) - (0 if column else 1)
        back = (f"\x1b[{up}A" if up else "") + "\r" + (f"\x1b[{column}C" if column else "")
        return down + "\r\n".join(self._area) + back

    def _back_to_the_beginning(self) -> str:
        """To where pytest's line begins, which may have taken several rows."""
        rows = max(self._width() - 1, 0) // self.size[0]
        return (f"\x1b[{rows}A" if rows else "") + "\r"

    def _width(self) -> int:
        """Columns of pytest's line. It begins anew with each carriage return."""
        if not self._line:
            return 0
        from rich.cells import cell_len

        return cell_len(_SEQUENCES.sub("", self._line.rpartition("\r")[2]))


class PytestsFile:
    """Takes the place of the file that pytest's terminal writer has."""

    def __init__(self, screen: Screen, file: IO[str]) -> None:
        self._screen = screen
        self._file = file

    def write(self, text: str) -> int:
        self._screen.write(text)
        return len(text)

    def flush(self) -> None:
        self._screen.flush()

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)
