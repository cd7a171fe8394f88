"""Lists a tree of files in full, as JSON; run as a program inside the sandbox, where its owners
exist. Nothing but Python's own library is imported, since it runs isolated.

usage: tree_listing.py DIRECTORY
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """A file, a directory or whatever else, after its directory and before its own entries."""

    path: str
    """From the tree's root, which itself is "."."""
    mode: int
    """As lstat(2) tells it, with the kind of file."""
    uid: int
    gid: int
    mtime_ns: int
    """Since 1970."""
    target: str = ""
    """Where a symbolic link leads."""
    attributes: dict[str, str] = field(default_factory=dict)
    """The extended ones, as hexadecimal digits."""


def list_tree(directory: str) -> Iterator[Entry]:
    """The directory itself and everything below it, each directory before what is in it."""
    yield _describe(directory, ".")
    yield from _list_below(directory, "")


def _list_below(directory: str, prefix: str) -> Iterator[Entry]:
    with os.scandir(directory) as found:
        entries = sorted(found, key=lambda one: one.name)
    for one in entries:
        name = prefix + one.name
        yield _describe(one.path, name)
        if one.is_dir(follow_symlinks=False):
            yield from _list_below(one.path, f"{name}/")


def _describe(path: str, name: str) -> Entry:
    status = Path(path).lstat()
    return Entry(
        path=name,
        mode=status.st_mode,
        uid=status.st_uid,
        gid=status.st_gid,
        mtime_ns=status.st_mtime_ns,
        target=str(Path(path).readlink()) if stat.S_ISLNK(status.st_mode) else "",
        attributes={
            key: os.getxattr(path, key, follow_symlinks=False).hex()
            for key in os.listxattr(path, follow_symlinks=False)
        },
    )


if __name__ == "__main__":
    json.dump([asdict(entry) for entry in list_tree(sys.argv[1])], sys.stdout)
