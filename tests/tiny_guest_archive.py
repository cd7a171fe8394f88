"""A cpio archive in the kernel's newc format; Documentation/driver-api/early-userspace."""

from __future__ import annotations

import stat
from pathlib import Path


class Archive:
    """Files and devices of an initramfs, all of them root's; directories come by themselves."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.directories: set[str] = set()
        self.entries = 0

    def add(self, path: str, content: bytes, *, executable: bool = False) -> None:
        self._add_parents(path)
        self._append(path, stat.S_IFREG | (0o755 if executable else 0o644), content)

    def add_device(self, path: str, major: int, minor: int) -> None:
        self._add_parents(path)
        self._append(path, stat.S_IFCHR | 0o600, device=(major, minor))

    def finish(self) -> bytes:
        self._append("TRAILER!!!", 0)
        return bytes(self.data)

    def _add_parents(self, path: str) -> None:
        for parent in reversed(Path(path).parents[:-1]):
            if str(parent) not in self.directories:
                self.directories.add(str(parent))
                self._append(str(parent), stat.S_IFDIR | 0o755)

    def _append(
        self, path: str, mode: int, content: bytes = b"", device: tuple[int, int] = (0, 0)
    ) -> None:
        self.entries += 1
        name = path.encode() + b"\0"
        fields = (self.entries, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(name), 0)
        self.data += b"070701" + b"".join(b"%08X" % field for field in fields) + name
        self._pad()
        self.data += content
        self._pad()

    def _pad(self) -> None:
        self.data += bytes(-len(self.data) % 4)
