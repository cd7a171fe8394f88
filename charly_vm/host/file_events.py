"""What happens to files, told by the kernel: see inotify(7). Nothing else is watched than what is
asked for, and waiting costs nothing."""

from __future__ import annotations

import ctypes
import errno
import os
import select
import struct
from enum import IntFlag
from pathlib import Path

_EVENT = struct.Struct("iIII")
_BUFFER = 65536
_IGNORED = 0x8000


class FileEvent(IntFlag):
    """The kinds of events that are of use here, with the kernel's numbers."""

    TOUCHED = 0x4
    """Its times or rights were set."""
    CLOSED = 0x8
    """The last process that had opened it for writing has closed it, or is gone."""


class FileEvents:
    """Watches single files, from its making to `close`."""

    def __init__(self) -> None:
        """Raises `OSError` where the kernel gives no more of these, which are few per account."""
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = _checked(self._libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK))
        self._watched: dict[int, Path] = {}

    def watch(self, path: Path, events: FileEvent) -> bool:
        """Whether the file is there and watched from now on. Raises `OSError` where there are too
        many."""
        try:
            number = _checked(
                self._libc.inotify_add_watch(self._descriptor, os.fsencode(path), int(events))
            )
        except FileNotFoundError:
            return False
        self._watched[number] = path
        return True

    def wait(self, seconds: float) -> dict[Path, FileEvent]:
        """What has happened, at once where something has; nothing after so many seconds."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        poll.poll(max(0.0, seconds) * 1000)
        try:
            data = os.read(self._descriptor, _BUFFER)
        except BlockingIOError:
            return {}
        found: dict[Path, FileEvent] = {}
        offset = 0
        while offset < len(data):
            number, mask, _, length = _EVENT.unpack_from(data, offset)
            offset += _EVENT.size + length
            if mask & _IGNORED:
                # The file is gone, and its watch with it.
                self._watched.pop(number, None)
            elif number in self._watched:
                path = self._watched[number]
                found[path] = found.get(path, FileEvent(0)) | FileEvent(mask & 0xC)
        return found

    def close(self) -> None:
        os.close(self._descriptor)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number or errno.EIO, os.strerror(number))
    return result
