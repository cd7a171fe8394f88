"""Files of a guest on their way onto this host.

What a guest says is not trusted: a name may try to lead out of the directory, and so may a link
that an earlier copy has left. Nothing is written through a link below the tree's root, links are
made when everything else is in place, and what is half written has a name of its own.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from charly_vm.errors import GuestError
from charly_vm.host.files import explain_os_errors

Parts = tuple[str, ...]
"""The names that lead from the tree's root to a file; none for the root itself."""


class LocalTree:
    """One file or directory, `root` its path on this host. `skip` is told of what is left out."""

    def __init__(self, root: Path, skip: Callable[[str], None]) -> None:
        # The person at this end may well name a link.
        self.root = root.resolve()
        self._skip = skip
        self._modes: list[tuple[Path, int]] = []
        self._links: list[tuple[Path, str]] = []

    def add_directory(self, parts: Parts, mode: int) -> None:
        path = self._place(parts)
        with explain_os_errors(f"create the directory {path}"):
            if path.is_dir() and (not path.is_symlink() or not parts):
                return
            path.mkdir(mode=0o700)
        # Set at the end: what is in it has to be written first.
        self._modes.append((path, mode & 0o777))

    @contextmanager
    def add_file(self, parts: Parts, mode: int, modified: float) -> Iterator[Path]:
        """An empty file to be filled, which then takes its place with these permissions, without
        those to become somebody else."""
        path = self._place(parts)
        temporary = path.with_name(f".{path.name[:200]}.{secrets.token_hex(4)}.part")
        with explain_os_errors(f"write {path}"):
            try:
                temporary.touch(mode=0o600, exist_ok=False)
                yield temporary
                temporary.chmod(mode & 0o777)
                os.utime(temporary, (modified, modified))
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)

    def add_link(self, parts: Parts, target: str) -> None:
        self._links.append((self._place(parts), target))

    def add_hard_link(self, parts: Parts, existing: Parts) -> None:
        """Another name for a file that was added already."""
        path, source = self._place(parts), self._place(existing)
        with explain_os_errors(f"write {path}"):
            if source.is_symlink() or not source.is_file():
                self._skip(f"{'/'.join(parts)}: a link to what was not copied")
                return
            path.unlink(missing_ok=True)
            os.link(source, path, follow_symlinks=False)

    def skip(self, parts: Parts, why: str) -> None:
        self._skip(f"{'/'.join(parts) or self.root.name}: {why}")

    def finish(self) -> None:
        """Make the links, and give the directories their permissions."""
        for path, target in self._links:
            with explain_os_errors(f"make the link {path}"):
                if path.is_symlink():
                    path.unlink()
                path.symlink_to(target)
        for path, mode in reversed(self._modes):
            with explain_os_errors(f"set the permissions of {path}"):
                path.chmod(mode)

    def _place(self, parts: Parts) -> Path:
        path = self.root
        for part in parts:
            if part in ("", ".", "..") or "/" in part or "\0" in part:
                raise GuestError(f"the guest names a file {'/'.join(parts)!r}, which is no name")
            if path is not self.root and path.is_symlink():
                raise GuestError(f"{path} is a link, and nothing is written through it")
            path = path / part
        return path
