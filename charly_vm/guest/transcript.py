"""What ran in a guest, step by step: each command with the ends of what it said, in bounded memory.

What commands read is not kept: passwords and keys go in by standard input.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from charly_vm.errors import CharlyError

VERSION = 1
"""Of the lines of `transcript.jsonl`."""
STREAM_BYTES = 8 * 1024
"""Of each stream of a command, and of the command itself; a quarter of it is the beginning."""
HEAD_BYTES = STREAM_BYTES // 4
TOTAL_BYTES = 4 * 1024 * 1024
"""Of all commands, in memory and in each of the two files; the oldest go first."""
COMMANDS = 10_000

Ended = Callable[[int, bytes, bytes], None]
"""Takes a command's exit status, standard output and standard error."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Output, or its two ends where it is long."""

    head: bytes
    tail: bytes = b""
    left_out: int = 0
    """Bytes between the two."""

    @classmethod
    def of(cls, data: bytes) -> Excerpt:
        if len(data) <= STREAM_BYTES:
            return cls(data)
        tail = data[HEAD_BYTES - STREAM_BYTES :]
        return cls(data[:HEAD_BYTES], tail, len(data) - STREAM_BYTES)

    def __len__(self) -> int:
        return len(self.head) + len(self.tail)

    @property
    def text(self) -> str:
        """As UTF-8, with replacement characters for what is not."""
        head = self.head.decode("utf-8", "replace")
        if not self.left_out:
            return head
        return f"{head}\n[… {self.left_out} bytes …]\n{self.tail.decode('utf-8', 'replace')}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One command that has ended, one way or the other."""

    number: int
    """From 1; those before the first that is there have been forgotten."""
    began: float
    """Seconds since 1970."""
    seconds: float
    item: str
    """What asked: the id of a step or test, empty for charly itself."""
    command: Excerpt
    status: int | None
    """The exit status as in `CommandResult`; None where there is none."""
    error: str
    """Why there is no status."""
    stdout: Excerpt
    stderr: Excerpt

    def __len__(self) -> int:
        error = len(self.error) + len(self.item)
        return len(self.command) + len(self.stdout) + len(self.stderr) + error

    def as_json(self) -> str:
        data = {
            "version": VERSION,
            "number": self.number,
            "began": round(self.began, 3),
            "seconds": round(self.seconds, 4),
            "item": self.item,
            "command": self.command.text,
            "command_truncated": self.command.left_out > 0,
            "status": self.status,
            "error": self.error,
            "stdout": self.stdout.text,
            "stdout_truncated": self.stdout.left_out > 0,
            "stderr": self.stderr.text,
            "stderr_truncated": self.stderr.left_out > 0,
        }
        return json.dumps(data, ensure_ascii=False) + "\n"

    def as_text(self, before: Entry | None) -> str:
        """For people, below the one `before` it; the time of day is UTC."""
        when = datetime.fromtimestamp(self.began, UTC).strftime("%H:%M:%S.%f")[:-3] + "Z"
        ended = "" if self.status is None else f"status {self.status}, "
        lines = [f"#{self.number}  {when}  {ended}{self.seconds:.2f} s  {self.item}".rstrip()]
        again = before is not None and before.command == self.command
        lines.append("$ (the same again)" if again else f"$ {self.command.text}")
        lines += [f"  {line}" for line in self.stdout.text.splitlines()]
        lines += [f"! {line}" for line in self.stderr.text.splitlines()]
        lines += [f"ERROR {line}" for line in self.error.splitlines()]
        return "\n".join(lines) + "\n\n"


class Transcript:
    """Remembers commands as they end. Any thread may record."""

    def __init__(self) -> None:
        self.item = ""
        """What asks at present, for the commands that begin from now on."""
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque()
        self._size = 0
        self._count = 0

    @contextmanager
    def recording(self, command: str) -> Iterator[Ended]:
        """A command runs in the block, which says how it ended, or raises why that is unknown."""
        item, began, started = self.item, time.time(), time.monotonic()
        told = False

        def add(status: int | None, error: str, stdout: bytes = b"", stderr: bytes = b"") -> None:
            nonlocal told
            told = True
            seconds = time.monotonic() - started
            ends = Excerpt.of(stdout), Excerpt.of(stderr)
            words = Excerpt.of(command.encode("utf-8", "replace"))
            with self._lock:
                self._count += 1
                entry = Entry(self._count, began, seconds, item, words, status, error, *ends)
                self._keep(entry)

        try:
            yield lambda status, stdout, stderr: add(status, "", stdout, stderr)
        except BaseException as error:
            if not told:
                known = error.message if isinstance(error, CharlyError) else repr(error)
                add(None, known[-STREAM_BYTES:])
            raise

    def forget(self) -> None:
        """Begin anew, at number 1."""
        with self._lock:
            self._entries.clear()
            self._size = self._count = 0

    @property
    def entries(self) -> Sequence[Entry]:
        """What is remembered, oldest first."""
        with self._lock:
            return tuple(self._entries)

    def as_jsonl(self) -> str:
        """One JSON object per line; see `Entry.as_json`."""
        return "".join(_last([entry.as_json() for entry in self.entries]))

    def as_text(self) -> str:
        """For people."""
        before: Entry | None = None
        texts = []
        for entry in self.entries:
            texts.append(entry.as_text(before))
            before = entry
        return "".join(_last(texts))

    def _keep(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._size += len(entry)
        while self._size > TOTAL_BYTES or len(self._entries) > COMMANDS:
            self._size -= len(self._entries.popleft())


def _last(texts: list[str]) -> list[str]:
    """The last of them that have room in a file: JSON's escapes may take six times the bytes."""
    size = 0
    for index in range(len(texts) - 1, -1, -1):
        size += len(texts[index].encode())
        if size > TOTAL_BYTES:
            return texts[index + 1 :]
    return texts
