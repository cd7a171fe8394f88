"""A program on a terminal of its own, with somebody who types: for what behaves otherwise in a
pipe."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from charly_vm.host.process import spawn

if TYPE_CHECKING:
    import subprocess


class OnTerminal:
    """A program that runs, seen from the other side of its terminal."""

    def __init__(self, child: subprocess.Popen[bytes], terminal: int) -> None:
        self._child = child
        self._terminal = terminal
        self.shown = ""

    def wait_for(self, text: str, seconds: float = 60) -> str:
        """Read until the program has shown a text; returns all that came before it since last."""
        end = time.monotonic() + seconds
        while text not in self.shown:
            ready, _, _ = select.select([self._terminal], [], [], max(0, end - time.monotonic()))
            assert ready, f"no {text!r} within {seconds:.0f} s:\n{self.shown}"
            self.shown += self._read() or self._end(text)
        before, _, self.shown = self.shown.partition(text)
        return before

    def type(self, line: str) -> None:
        os.write(self._terminal, line.encode() + b"\n")

    def wait(self, seconds: float = 60) -> int:
        """The status of the program, which ends by itself; `shown` has what it has still said."""
        while data := self._read():
            self.shown += data
        return self._child.wait(seconds)

    def _read(self) -> str:
        try:
            return os.read(self._terminal, 65536).decode(errors="replace")
        except OSError:
            # Linux says EIO where nobody has the other side any more.
            return ""

    def _end(self, text: str) -> str:
        raise AssertionError(f"the program ended without {text!r}:\n{self.shown}")


@contextmanager
def on_terminal(
    argv: Sequence[str | Path], directory: Path, environment: Mapping[str, str]
) -> Iterator[OnTerminal]:
    """Run a program for the length of the block."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "wb") as stream:
        child = spawn(["env", "-C", directory, *argv], output=stream, stdin=theirs, env=environment)
    try:
        yield OnTerminal(child, ours)
    finally:
        # Only where the test has failed: its own failure is what should be read.
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        child.wait()
        os.close(ours)
