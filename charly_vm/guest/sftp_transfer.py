"""Files to and from a guest over SFTP, for synchronous callers."""

from __future__ import annotations

import posixpath
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charly_vm.errors import GuestError
from charly_vm.guest.address import GuestUnreachable
from charly_vm.guest.local_tree import LocalTree, Parts
from charly_vm.guest.ssh import CONNECT_PATIENCE, SshGuest
from charly_vm.host.files import explain_os_errors
from charly_vm.host.loop import call
from charly_vm.host.waiting import Deadline

if TYPE_CHECKING:
    import asyncssh

CONNECT_SECONDS = 60.0
Tell = Callable[[int], None]
"""Is told of bytes that were moved since the last time."""


@contextmanager
def open_sftp(guest: SshGuest) -> Iterator[SftpTransfer | None]:
    """SFTP for the length of the block, or None where the guest's SSH server has none."""
    import asyncssh

    deadline = Deadline(CONNECT_SECONDS)
    with guest.reached(deadline) as connection:

        async def start() -> asyncssh.SFTPClient | None:
            live = await connection.open(deadline, CONNECT_PATIENCE)
            try:
                # Names need not be UTF-8.
                return await live.start_sftp_client(path_errors="surrogateescape")
            except (asyncssh.Error, OSError) as error:
                if live.is_closed():
                    raise GuestUnreachable(connection.address, str(error)) from error
                return None

        call(connection.commands.acquire())
        try:
            client = call(start())
            if client is None:
                yield None
                return
            try:
                yield SftpTransfer(guest.name, client)
            except (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection) as error:
                raise GuestUnreachable(
                    connection.address, f"the connection was lost during a copy: {error}"
                ) from error
            finally:
                call(_close(client))
        finally:
            connection.commands.release()


async def _close(client: asyncssh.SFTPClient) -> None:
    client.exit()


class SftpTransfer:
    """What copying needs, over one SFTP session."""

    def __init__(self, name: str, client: asyncssh.SFTPClient) -> None:
        self.name = name
        self._client = client

    def is_directory(self, path: str) -> bool:
        return call(self._client.isdir(path or "."))

    def send(self, source: Path, target: str, tell: Tell, skip: Callable[[str], None]) -> None:
        """Write a file or directory as `target`; its directory has to be there."""
        modes: list[tuple[str, int]] = []
        waiting = [(source.resolve(), target)]
        while waiting:
            here, there = waiting.pop()
            with self._explained(there), explain_os_errors(f"read {here}"):
                mode = here.lstat().st_mode
                if stat.S_ISDIR(mode):
                    if not self.is_directory(there):
                        call(self._client.mkdir(there))
                        modes.append((there, stat.S_IMODE(mode)))
                    entries = sorted(here.iterdir(), reverse=True)
                    waiting += [(one, posixpath.join(there, one.name)) for one in entries]
                elif stat.S_ISLNK(mode):
                    if call(self._client.islink(there)):
                        call(self._client.remove(there))
                    call(self._client.symlink(str(here.readlink()), there))
                elif stat.S_ISREG(mode):
                    self._send_file(here, there, tell)
                else:
                    skip(f"{here}: neither a file, a directory nor a link")
        for path, permissions in reversed(modes):
            with self._explained(path):
                call(self._client.chmod(path, permissions))

    def fetch(self, source: str, tree: LocalTree, tell: Tell, *, recursive: bool) -> None:
        """Read a file or directory into a tree."""
        with self._explained(source):
            first = call(self._client.stat(source))
        if stat.S_ISDIR(first.permissions or 0) and not recursive:
            raise GuestError(f"{source} is a directory", hint="-r copies directories")
        waiting: list[tuple[str, Parts, Any]] = [(source, (), first)]
        while waiting:
            there, parts, attributes = waiting.pop()
            mode = attributes.permissions or 0
            with self._explained(there):
                if stat.S_ISDIR(mode):
                    tree.add_directory(parts, mode)
                    waiting += [
                        (posixpath.join(there, name), (*parts, name), inside)
                        for name, inside in self._entries(there)
                    ]
                elif stat.S_ISLNK(mode):
                    tree.add_link(parts, call(self._client.readlink(there)))
                elif stat.S_ISREG(mode):
                    with tree.add_file(parts, mode, attributes.mtime or 0) as path:
                        self._fetch_file(there, path, tell)
                else:
                    tree.skip(parts, "neither a file, a directory nor a link")
        tree.finish()

    def _send_file(self, source: Path, target: str, tell: Tell) -> None:
        with _moved(tell) as watch:
            call(self._client.put(str(source), target, preserve=True, progress_handler=watch))

    def _fetch_file(self, source: str, path: Path, tell: Tell) -> None:
        with _moved(tell) as watch:
            # The person may have named a link; what it leads to is meant.
            call(self._client.get(source, str(path), follow_symlinks=True, progress_handler=watch))

    def _entries(self, path: str) -> list[tuple[str, Any]]:
        async def read() -> list[tuple[str, Any]]:
            return [(str(one.filename), one.attrs) async for one in self._client.scandir(path)]

        return [(name, attributes) for name, attributes in call(read()) if name not in (".", "..")]

    @contextmanager
    def _explained(self, path: str) -> Iterator[None]:
        import asyncssh

        try:
            yield
        except (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection):
            raise
        except asyncssh.SFTPError as error:
            raise GuestError(f"{path} in {self.name}: {error.reason}") from error


@contextmanager
def _moved(tell: Tell) -> Iterator[Callable[[Any, Any, int, int], None]]:
    """A progress handler of asyncssh's, which tells how far one file has come."""
    before = 0

    def watch(_source: Any, _target: Any, moved: int, _total: int) -> None:
        nonlocal before
        tell(moved - before)
        before = moved

    yield watch
