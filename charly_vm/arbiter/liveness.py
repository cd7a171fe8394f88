"""Locks that tell whether who made a record lives.

The kernel drops a lock when the last process that has it open is gone, however it went. It is
inherited by no child, unless it is handed over on purpose; also not by one that Python forks and
that runs no other program.
"""

from __future__ import annotations

import fcntl
import os
import weakref
from pathlib import Path
from types import TracebackType


class Liveness:
    """The lock of one record, from its making to `close`."""

    def __init__(self, path: Path, *, mode: int = 0o600) -> None:
        self.path = path
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
        try:
            os.fchmod(self.descriptor, mode)
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            os.close(self.descriptor)
            raise
        _open.add(self)

    @property
    def is_open(self) -> bool:
        """Whether this process has it."""
        return self.descriptor >= 0

    def close(self) -> None:
        """Let go of it. A process that it was handed over to still has it."""
        if self.descriptor >= 0:
            descriptor, self.descriptor = self.descriptor, -1
            os.close(descriptor)

    def __enter__(self) -> Liveness:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


_open: weakref.WeakSet[Liveness] = weakref.WeakSet()


def _forget_in_child() -> None:
    for lock in list(_open):
        lock.close()


os.register_at_fork(after_in_child=_forget_in_child)


def is_alive(path: Path | str) -> bool:
    """Whether somebody holds the lock. Asking does not make the file, and does not write to it,
    which those who watch it would take for its owner's end."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
