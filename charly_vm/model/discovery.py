"""Finding a project's files: upwards from where one stands, and below a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

FILE_NAME = "charly.yml"

GENERATED = frozenset({"charly-evidence", "output"})
"""Directories that charly itself writes beside a project."""


def is_file(path: Path) -> bool:
    """Whether a file is there for us; one in a directory that we may not search is not."""
    try:
        return path.is_file()
    except OSError:
        return False


def find_project_file(start: Path) -> Path | None:
    """The `charly.yml` in `start` or the nearest directory above it, also in their `beds/`."""
    for directory in (start, *start.parents):
        for candidate in (directory / FILE_NAME, directory / "beds" / FILE_NAME):
            if is_file(candidate):
                return candidate
    return None


def discover_files(folder: Path, *, recursive: bool) -> Iterator[Path]:
    """Every `charly.yml` in a folder and its subfolders, or only the nearest, in order of names.

    Hidden directories and links to directories are left out; a folder that is not there is empty.
    """
    if is_file(folder / FILE_NAME):
        yield folder / FILE_NAME
    for inner in _subfolders(folder):
        if recursive:
            yield from discover_files(inner, recursive=True)
        elif is_file(inner / FILE_NAME):
            yield inner / FILE_NAME


def _subfolders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            names = [
                entry.name
                for entry in entries
                if entry.is_dir(follow_symlinks=False)
                and not entry.name.startswith(".")
                and entry.name not in GENERATED
            ]
    except OSError:
        # A folder that only others may read has nothing for us.
        return []
    return [folder / name for name in sorted(names)]
