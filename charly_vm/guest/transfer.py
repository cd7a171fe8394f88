"""Copying files and directories to and from a guest, with their permissions and times.

Over SFTP, which sshd brings along; where the server has none, as dropbear, through tar.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from charly_vm.errors import GuestError, HostError
from charly_vm.guest.local_tree import LocalTree
from charly_vm.guest.ssh import SshGuest
from charly_vm.host.files import explain_os_errors
from charly_vm.host.progress import SILENT, Progress


class _Transfer(Protocol):
    def is_directory(self, path: str) -> bool: ...

    def send(
        self,
        source: Path,
        target: str,
        tell: Callable[[int], None],
        skip: Callable[[str], None],
    ) -> None: ...

    def fetch(
        self, source: str, tree: LocalTree, tell: Callable[[int], None], *, recursive: bool
    ) -> None: ...


def send_files(
    guest: SshGuest,
    sources: Sequence[Path],
    destination: str,
    *,
    recursive: bool = False,
    progress: Progress = SILENT,
) -> None:
    """Copy files of this host into a guest; directories too, with `recursive`.

    A destination that is a directory gets them under their own names, as with cp. Raises
    `HostError` for what cannot be read here and `GuestError` for what cannot be written there.
    """
    total = sum(_size(source, recursive) for source in sources)
    place = _guest_path(destination)
    with _open(guest) as transfer, progress.transfer(f"copying to {guest.name}", total) as update:
        inside = transfer.is_directory(place)
        if not inside and (len(sources) > 1 or destination.endswith("/")):
            raise GuestError(f"{guest.name} has no directory {destination}")
        tell = _summed(update)
        for source in sources:
            name = source.resolve().name if source.name in ("", "..") else source.name
            target = posixpath.join(place, name) if inside else place
            transfer.send(source.resolve(), target, tell, progress.note)


def fetch_files(
    guest: SshGuest,
    sources: Sequence[str],
    destination: Path,
    *,
    recursive: bool = False,
    progress: Progress = SILENT,
) -> None:
    """Copy files of a guest onto this host; the rest is as with `send_files`.

    Permissions to become another user are left out, and nothing is written outside of the
    destination, whatever the guest says.
    """
    inside = destination.is_dir()
    if not inside and (len(sources) > 1 or not destination.parent.is_dir()):
        missing = destination if len(sources) > 1 else destination.parent
        raise HostError(f"there is no directory {missing}")
    with _open(guest) as transfer, progress.transfer(f"copying from {guest.name}", None) as update:
        tell = _summed(update)
        for source in sources:
            place = _guest_path(source)
            name = posixpath.basename(place.rstrip("/"))
            if inside and name in ("", ".", ".."):
                raise GuestError(f"{source!r} gives no name to copy it under")
            tree = LocalTree(destination / name if inside else destination, progress.note)
            transfer.fetch(place, tree, tell, recursive=recursive)


@contextmanager
def _open(guest: SshGuest) -> Iterator[_Transfer]:
    from charly_vm.guest.sftp_transfer import open_sftp
    from charly_vm.guest.tar_transfer import TarTransfer

    with open_sftp(guest) as sftp:
        if sftp is not None:
            yield sftp
            return
    yield TarTransfer(guest)


def _guest_path(written: str) -> str:
    """A path as the guest takes it: what is not absolute begins at the account's home."""
    if written in ("", "~", "~/"):
        return "."
    return written.removeprefix("~/")


def _size(source: Path, recursive: bool) -> int:
    with explain_os_errors(f"read {source}"):
        if not source.resolve(strict=True).is_dir():
            return source.stat().st_size
        if not recursive:
            raise HostError(f"{source} is a directory", hint="-r copies directories")
        files = (one for one in source.rglob("*") if one.is_file() and not one.is_symlink())
        return sum(one.stat().st_size for one in files)


def _summed(update: Callable[[int], None]) -> Callable[[int], None]:
    done = 0

    def tell(moved: int) -> None:
        nonlocal done
        done += moved
        update(done)

    return tell
