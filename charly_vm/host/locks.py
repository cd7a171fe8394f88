"""File locks: critical sections between processes, and proof that an owner lives.

The kernel drops a lock when its holder dies, however it dies. A lock file is never removed nor
replaced: whoever holds the removed file and whoever holds the new one would both think that they
are alone. Waiting is polling and not first come first served.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import filelock

from charly_vm.errors import LeaseUnavailable
from charly_vm.host.files import explain_os_errors, make_private_directory


@contextmanager
def hold(
    path: Path,
    *,
    timeout: float | None = None,
    waiting: AbstractContextManager[object] | None = None,
    every: float = 0.05,
    mode: int = 0o600,
) -> Iterator[None]:
    """Hold a lock for the length of the block, waiting for it up to `timeout` seconds, or for ever.

    `waiting`, such as a phase of `Progress`, brackets the wait where there is one; it is looked
    `every` so many seconds. `mode` is the lock file's. Raises `LeaseUnavailable` where somebody
    else holds the lock for longer than `timeout`.
    """
    taken = _acquire(path, 0, mode=mode)
    if taken is None:
        with waiting or nullcontext():
            taken = _acquire(path, -1 if timeout is None else timeout, every=every, mode=mode)
    if taken is None:
        raise LeaseUnavailable(
            f"another process has held {path} for {timeout:.0f} s",
            holder="another process",
            hint="wait until it has ended, or end it",
        )
    with taken:
        yield


def try_hold(path: Path, *, mode: int = 0o600) -> AbstractContextManager[object] | None:
    """The lock, held, as a context manager that releases it; None where somebody else holds it."""
    return _acquire(path, 0, mode=mode)


def is_held(path: Path) -> bool:
    """Whether somebody, this process included, holds the lock at this moment.

    Asking takes the lock for an instant, and a `try_hold` in that instant fails.
    """
    if not path.exists():
        return False
    taken = try_hold(path)
    if taken is None:
        return True
    with taken:
        return False


def _acquire(
    path: Path, timeout: float, *, every: float = 0.05, mode: int = 0o600
) -> AbstractContextManager[object] | None:
    """The lock, held, or None after `timeout` seconds; a negative number waits for ever."""
    # filelock would make a missing directory, one that is open to others.
    make_private_directory(path.parent)
    # Two locks of one process exclude each other as well, since each opens the file anew.
    lock = filelock.FileLock(path, mode=mode, thread_local=False, fallback_to_soft=False)
    with explain_os_errors(f"lock {path}"):
        try:
            return lock.acquire(timeout=timeout, poll_interval=every)
        except filelock.Timeout:
            return None
