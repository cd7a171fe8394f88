"""Files to and from a guest that has no SFTP server: a tar archive over a command's streams."""

from __future__ import annotations

import io
import posixpath
import tarfile
from collections.abc import Callable
from pathlib import Path

from charly_vm.errors import GuestError
from charly_vm.guest.command import quote
from charly_vm.guest.local_tree import LocalTree
from charly_vm.guest.ssh import SshGuest
from charly_vm.guest.stream import CommandStream, StreamBroken, open_stream
from charly_vm.host.files import explain_os_errors

BUFFER_BYTES = 256 * 1024
Tell = Callable[[int], None]
"""Is told of bytes that were moved since the last time."""


class TarTransfer:
    """Needs `tar` in the guest, of whatever make: GNU's, busybox's, libarchive's."""

    def __init__(self, guest: SshGuest) -> None:
        self.guest = guest

    def is_directory(self, path: str) -> bool:
        return self.guest.run(f"test -d {quote(_safe(path))}").status == 0

    def send(self, source: Path, target: str, tell: Tell, skip: Callable[[str], None]) -> None:
        """Write a file or directory as `target`; its directory has to be there."""
        directory, name = posixpath.split(target)
        # -o: whoever logs in owns what arrives, and not somebody with the number of our account.
        command = f"exec tar -x -o -p -f - -C {quote(_safe(directory or '.'))}"
        with (
            open_stream(self.guest, command) as stream,
            tarfile.open(
                fileobj=_Counted(stream, tell),
                mode="w|",
                bufsize=BUFFER_BYTES,
                format=tarfile.PAX_FORMAT,
            ) as archive,
            explain_os_errors(f"read {source}"),
        ):
            archive.add(source, name, filter=lambda member: _prepare(member, skip))

    def fetch(self, source: str, tree: LocalTree, tell: Tell, *, recursive: bool) -> None:
        """Read a file or directory into a tree."""
        # The person may have named a link; what it leads to is meant.
        found = self.guest.run(f"readlink -f {quote(_safe(source))}").stdout_text.strip()
        if not found or self.guest.run(f"test -e {quote(found)}").status != 0:
            raise GuestError(f"{self.guest.name} has no {source}")
        if not recursive and self.is_directory(found):
            raise GuestError(f"{source} is a directory", hint="-r copies directories")
        directory, name = posixpath.split(found)
        command = f"exec tar -c -f - -C {quote(directory)} {quote(_safe(name or '.'))}"
        with open_stream(self.guest, command) as stream:
            try:
                with tarfile.open(
                    fileobj=_Counted(stream, tell), mode="r|", bufsize=BUFFER_BYTES
                ) as archive:
                    for member in archive:
                        _take(archive, member, tree)
            except tarfile.TarError as error:
                raise StreamBroken(f"no tar archive: {error}") from error
        tree.finish()


def _take(archive: tarfile.TarFile, member: tarfile.TarInfo, tree: LocalTree) -> None:
    parts = _parts(member.name)
    if member.isdir():
        tree.add_directory(parts, member.mode)
    elif member.isreg():
        content = archive.extractfile(member)
        assert content is not None
        with tree.add_file(parts, member.mode, member.mtime) as path, path.open("wb") as file:
            while data := content.read(BUFFER_BYTES):
                file.write(data)
    elif member.issym():
        tree.add_link(parts, member.linkname)
    elif member.islnk():
        tree.add_hard_link(parts, _parts(member.linkname))
    else:
        tree.skip(parts, "neither a file, a directory nor a link")


def _parts(name: str) -> tuple[str, ...]:
    """The names below the one that was asked for, which is the first."""
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    return parts[1:]


def _prepare(member: tarfile.TarInfo, skip: Callable[[str], None]) -> tarfile.TarInfo | None:
    if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
        skip(f"{member.name}: neither a file, a directory nor a link")
        return None
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _safe(path: str) -> str:
    """A path that no command takes for an option."""
    return f"./{path}" if path.startswith("-") else path


class _Counted(io.RawIOBase):
    """A stream whose bytes are counted as they pass."""

    def __init__(self, stream: CommandStream, tell: Tell) -> None:
        self._stream = stream
        self._tell = tell

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._tell(len(data))
        return self._stream.write(bytes(data))

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._tell(len(data))
        return data
