"""Files that are never seen half written, and directories that are ours alone."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from charly_vm.errors import HostError

_FULL = "free some room there; `charly vm prune` removes what no machine needs"
_FORBIDDEN = "check who owns it, and the XDG_* variables that choose the directory"
_HINTS = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.EEXIST: _FORBIDDEN,
    errno.ENOTDIR: _FORBIDDEN,
    errno.EROFS: "the file system is read-only; the XDG_* variables choose another directory",
}


def write_atomically(
    path: Path, data: bytes | str, *, mode: int | None = 0o600, durable: bool = True
) -> None:
    """Replace a file in one step: a reader sees the old content or the new, also after a power cut
    where it is `durable`. `mode` is the file's whatever the umask; None leaves it to that, as for
    any file of the user's.

    Raises `HostError` where the directory cannot be written or the disk is full.
    """
    content = data.encode() if isinstance(data, str) else data
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    with explain_os_errors(f"write {path}"):
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode or 0o666)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
                if mode is not None:
                    os.fchmod(stream.fileno(), mode)
                if durable:
                    stream.flush()
                    os.fsync(stream.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        if durable:
            sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make a rename in this directory survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_private_directory(path: Path) -> Path:
    """Create a directory (0700) with its parents where it is missing, and return it."""
    with explain_os_errors(f"create the directory {path}"):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def make_ignored_directory(path: Path) -> Path:
    """Create a directory for generated files, which git ignores by a file inside it."""
    with explain_os_errors(f"create the directory {path}"):
        path.mkdir(parents=True, exist_ok=True)
        ignore = path / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
    return path


def read_tail(path: Path, size: int = 65536) -> str:
    """The last `size` bytes of a file as text; empty where there is no file."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, stream.seek(0, os.SEEK_END) - size))
            return stream.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


@contextmanager
def explain_os_errors(doing: str, *, forbidden: str = _FORBIDDEN) -> Iterator[None]:
    """Turn an `OSError` into a `HostError` that says what was being done and what would help;
    `forbidden` is that where a right is missing."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        hint = _HINTS.get(error.errno or 0, "")
        if isinstance(error, PermissionError):
            hint = forbidden
        raise HostError(f"cannot {doing}: {reason}", hint=hint) from error
