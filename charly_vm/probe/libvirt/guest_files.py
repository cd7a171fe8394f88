"""Files in the guest, read and written by its agent in pieces: `guest-file-open` and the like."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from charly_vm.errors import CharlyError, GuestError, GuestTimeout
from charly_vm.host.waiting import Deadline
from charly_vm.probe.arguments import wrong_argument
from charly_vm.probe.libvirt.channel import ANSWER_SECONDS, Channel

READ_PIECE = 256 * 1024
"""Bytes of one answer. libvirt passes on 4 MiB, and base64 makes them longer by a third."""
WRITE_PIECE = 48 * 1024
"""Bytes of one command, of which libvirt carries fewer; see `backend.libvirt_agent`."""
MOST_READ = 16 * 1024**2
FILE_SECONDS = 300.0
"""For one file, also where each of its pieces comes quickly."""
ENCODINGS = ("utf-8", "base64")


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written, and how many bytes that were."""

    path: str
    size: int


def read_file(channel: Channel, path: str, *, encoding: str, limit: int) -> str:
    """A file's content; for what is raised see `GuestAgent.read`."""
    _require_encoding("guest/read", encoding)
    if not 0 <= limit <= MOST_READ:
        raise wrong_argument(
            "guest/read", f"the limit is {limit}, and not between 0 and {MOST_READ}"
        )
    with _opened(channel, path, "r") as handle:
        content = _read_all(channel, path, handle, limit)
    if encoding == "base64":
        return base64.b64encode(content).decode()
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise GuestError(
            f"{path} in {channel.name} is no text: {error.reason} at byte {error.start}",
            hint="the encoding base64 shows any file",
        ) from None


def write_file(
    channel: Channel, path: str, content: str, *, encoding: str, append: bool
) -> Written:
    """Write a file; for what is raised see `GuestAgent.write`."""
    _require_encoding("guest/write", encoding)
    data = _decode(content) if encoding == "base64" else content.encode()
    deadline = Deadline(FILE_SECONDS)
    with _opened(channel, path, "a" if append else "w") as handle:
        done = 0
        while done < len(data):
            _require_time(channel, path, deadline)
            piece = data[done : done + WRITE_PIECE]
            answer = channel.ask(
                "guest-file-write",
                ANSWER_SECONDS,
                handle=handle,
                buf_b64=base64.b64encode(piece).decode(),
            )
            # 0 would be asked for again and again.
            done += answer.at("count").number(1, len(piece))
        # What stays in the agent's own buffer until the file is closed fails there unseen.
        channel.ask("guest-file-flush", ANSWER_SECONDS, handle=handle)
    return Written(path, len(data))


def _read_all(channel: Channel, path: str, handle: int, limit: int) -> bytes:
    deadline, content = Deadline(FILE_SECONDS), bytearray()
    while True:
        _require_time(channel, path, deadline)
        wanted = min(READ_PIECE, limit + 1 - len(content))
        answer = channel.ask("guest-file-read", ANSWER_SECONDS, handle=handle, count=wanted)
        count = answer.at("count").number(0, wanted)
        piece = answer.at("buf-b64").data(most=wanted)
        if len(piece) != count:
            answer.odd(f"has {len(piece)} bytes and says {count}")
        content += piece
        if len(content) > limit:
            raise GuestError(f"{path} in {channel.name} is larger than {limit} bytes")
        if answer.at("eof").flag():
            return bytes(content)
        if not count:
            answer.odd("has neither bytes nor an end")


@contextmanager
def _opened(channel: Channel, path: str, mode: str) -> Iterator[int]:
    answer = channel.ask("guest-file-open", ANSWER_SECONDS, path=path, mode=mode)
    # The agent has at most so many files open; it counts them itself.
    handle = answer.number(0, 2**63 - 1)
    try:
        yield handle
    except BaseException:
        # What went wrong first is what has to be read.
        with suppress(CharlyError):
            channel.ask("guest-file-close", ANSWER_SECONDS, handle=handle)
        raise
    channel.ask("guest-file-close", ANSWER_SECONDS, handle=handle)


def _require_time(channel: Channel, path: str, deadline: Deadline) -> None:
    if deadline.passed:
        raise GuestTimeout(f"all of {path} in {channel.name}", seconds=deadline.seconds)


def _require_encoding(method: str, encoding: str) -> None:
    if encoding not in ENCODINGS:
        raise wrong_argument(
            method, f"the encoding is {encoding!r}, and not {' or '.join(ENCODINGS)}"
        )


def _decode(content: str) -> bytes:
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise wrong_argument("guest/write", f"the content is no base64: {error}") from error
