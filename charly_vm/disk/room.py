"""Room on the disk: asked before long work, and recognised where a tool has run out of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from charly_vm.errors import HostError, LaunchError

FULL_BYTES = 16 * 1024**2
"""With less than this left, a tool that failed has most likely failed for that reason."""

_HINT = (
    "free some room there (`charly vm prune` removes what no machine needs), "
    "or choose another directory with the XDG_* variables"
)


def require_room(directory: Path, size: int, *, what: str) -> None:
    """Raise a `HostError` unless `size` bytes are free below a directory."""
    free = shutil.disk_usage(directory).free
    if free < size:
        raise HostError(
            f"{what} needs {size // 2**20} MiB below {directory}, {free // 2**20} MiB are free",
            hint=_HINT,
        )


@contextmanager
def explain_full_disk(directory: Path) -> Iterator[None]:
    """Of a tool that failed on a full disk say that, as a `HostError`, instead of what it said."""
    try:
        yield
    except LaunchError as error:
        if "No space left" in error.log or shutil.disk_usage(directory).free < FULL_BYTES:
            raise HostError(
                f"the disk is full below {directory}: {error.message}", hint=_HINT
            ) from error
        raise
