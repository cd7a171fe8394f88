"""A terminal to look at: what stands on it after what was written to it.

A stand-in for xterm that knows the few sequences that pytest and we write, and refuses others.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_SEQUENCE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b\].*?(?:\x07|\x1b\\)")


class TinyTerminal:
    """Its lines from the first ever shown, so that nothing is lost by scrolling."""

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        self.columns = columns
        self.rows = rows
        self._cells: list[list[str]] = [[]]
        self._row = self._column = 0
        self._rest = ""

    @property
    def lines(self) -> list[str]:
        lines = ["".join(row).rstrip() for row in self._cells]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def feed(self, text: str) -> None:
        text, self._rest = self._rest + text, ""
        place = 0
        while place < len(text):
            if text[place] == "\x1b":
                found = _SEQUENCE.match(text, place)
                if found is None:
                    assert len(text) - place < 200, f"no sequence: {text[place : place + 20]!r}"
                    self._rest = text[place:]
                    return
                self._obey(found)
                place = found.end()
            else:
                self._show(text[place])
                place += 1

    def _obey(self, found: re.Match[str]) -> None:
        count = int(found[1]) if (found[1] or "").isdigit() else 1
        match found[2]:
            case "A":
                # No terminal goes above its first row that is visible.
                self._row = max(self._row - count, len(self._cells) - self.rows, 0)
            case "C":
                self._column = min(self._column + count, self.columns - 1)
            case "J":
                del self._cells[self._row + 1 :]
                del self._cells[self._row][self._column :]
            case "m" | None:
                pass
            case other:
                raise AssertionError(f"a sequence that it does not know: {other}")

    def _show(self, character: str) -> None:
        if character == "\r":
            self._column = 0
            return
        if character == "\n":
            self._down()
            return
        if self._column >= self.columns:
            self._column = 0
            self._down()
        row = self._cells[self._row]
        row += " " * (self._column + 1 - len(row))
        row[self._column] = character
        self._column += 1

    def _down(self) -> None:
        self._row += 1
        if self._row == len(self._cells):
            self._cells.append([])


class OnTerminal:
    """A program that runs on a terminal of its own, a real pseudo-terminal."""

    def __init__(
        self,
        words: Sequence[str | Path],
        *,
        directory: Path,
        environment: Mapping[str, str],
        terminal: TinyTerminal | None = None,
    ) -> None:
        self.terminal = terminal or TinyTerminal(100, 30)
        self.seen: list[list[str]] = []
        """What stood on the terminal after each piece of output."""
        self._terminal, theirs = pty.openpty()
        size = struct.pack("HHHH", self.terminal.rows, self.terminal.columns, 0, 0)
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, size)
        self._child = subprocess.Popen(
            words,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=directory,
            env=dict(environment),
            start_new_session=True,
        )
        os.close(theirs)

    def type(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    def wait_until(self, holds: Callable[[list[str]], object], seconds: float = 60) -> None:
        """Go on until what stands on the terminal is as it should be."""
        end = time.monotonic() + seconds
        while not holds(self.terminal.lines):
            shown = "\n".join(self.terminal.lines)
            assert time.monotonic() < end, f"not within {seconds} s:\n{shown}"
            assert self._read(), f"it has ended:\n{shown}"

    def finish(self, seconds: float = 60) -> int:
        """Its exit status."""
        end = time.monotonic() + seconds
        while self._read():
            assert time.monotonic() < end, "\n".join(self.terminal.lines)
        os.close(self._terminal)
        return self._child.wait(seconds)

    def end(self) -> None:
        """End what a test that failed has left running."""
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait()
            os.close(self._terminal)

    def _read(self) -> bool:
        """Whether it still runs."""
        if not select.select([self._terminal], [], [], 0.1)[0]:
            return True
        try:
            data = os.read(self._terminal, 65536)
        except OSError:
            # Linux says so where nobody has the other end open.
            return False
        self.terminal.feed(data.decode("utf-8", "replace"))
        self.seen.append(self.terminal.lines)
        return bool(data)
