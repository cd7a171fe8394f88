"""Images by their content: built once, never changed, found by the recipe that made them.

    sha256/<digest>.qcow2     the images, read-only
    recipes/<digest>.json     which image a recipe has made, and when; touched when it is used
    building/<recipe>/        what is being made
    <recipe>.lock             held by the one builder of a recipe, for as long as it lives

An image gets its name in the last step, by a rename, and a recipe only points to images that have
one. So nothing that an interrupted build leaves can be taken for good.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from charly_vm.disk.qcow2 import inspect_image
from charly_vm.disk.room import explain_full_disk
from charly_vm.disk.sandbox import remove_tree
from charly_vm.host.files import (
    explain_os_errors,
    make_private_directory,
    sync_directory,
    write_atomically,
)
from charly_vm.host.locks import hold, try_hold
from charly_vm.host.progress import Progress

BUILD_WAIT_SECONDS = 2 * 3600.0
NAMES_WAIT_SECONDS = 60.0
UNUSED_SECONDS = 14 * 24 * 3600.0
"""An image that no machine needs is kept for this long after its last use."""
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Image:
    """A qcow2 that nobody will change. `digest` is the sha256 of the file."""

    path: Path
    digest: str
    virtual_size: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that determines an image; two equal recipes give one image."""

    description: str
    """For people: `debian-12 by mmdebstrap`."""
    ingredients: tuple[str, ...]

    @property
    def digest(self) -> str:
        return hashlib.sha256("\0".join(self.ingredients).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Entry:
    """A recipe's file. `size` and `mtime_ns` are those of the image when it got its name."""

    description: str
    made_at: str
    digest: str
    virtual_size: int
    size: int
    mtime_ns: int


class Store:
    """The images below one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def find(self, recipe: Recipe) -> Image | None:
        """The image that the recipe has made, if it is there and nobody has changed it."""
        path = self._recipe_file(recipe)
        if not path.exists():
            return None
        with self._names():
            entry = _read_entry(path)
            if entry is None or not _is_intact(self._image_file(entry.digest), entry):
                return None
            with explain_os_errors(f"write {path}"):
                os.utime(path)
        return Image(self._image_file(entry.digest), entry.digest, entry.virtual_size)

    def build(
        self,
        recipe: Recipe,
        builder: Callable[[Path], Path],
        progress: Progress,
        *,
        refresh: bool = False,
    ) -> Image:
        """The image of a recipe, made by `builder` where it is not there yet.

        `builder` gets an empty directory and returns a qcow2 in it. Other processes that want the
        same recipe wait for it and then find it. A builder that fails leaves nothing. With
        `refresh` it is made anew; machines on the earlier image keep theirs.
        """
        found = self.find(recipe)
        if found and not refresh:
            return found
        make_private_directory(self.directory)
        waiting = progress.phase(f"waiting for another process to make {recipe.description}")
        lock = self.directory / f"{recipe.digest}.lock"
        with hold(lock, timeout=BUILD_WAIT_SECONDS, waiting=waiting):
            # Somebody may have made it while we waited.
            now = self.find(recipe)
            return now if now and now != found else self._make(recipe, builder)

    def prune(
        self, keep: Collection[Path], *, unused_seconds: float = UNUSED_SECONDS
    ) -> list[Path]:
        """Remove what interrupted builds left and the images that nobody needs; return them.

        `keep` are the images of machines. Another one is needed as long as its recipe has been
        used within the last `unused_seconds`; less than a build takes would remove an image between
        its making and the record of the machine that it is for.
        """
        removed = []
        for workspace in self._children("building"):
            lock = try_hold(self.directory / f"{workspace.name}.lock")
            if lock is not None:
                with lock:
                    remove_tree(workspace)
                    removed.append(workspace)
        if not self.directory.is_dir():
            return removed
        with self._names():
            needed = {path.resolve() for path in keep}
            return removed + self._remove_unneeded(needed, time.time() - unused_seconds)

    def _remove_unneeded(self, needed: set[Path], used_since: float) -> list[Path]:
        for path in self._children("recipes"):
            entry = _read_entry(path)
            image = self._image_file(entry.digest).resolve() if entry else None
            if image is not None and path.stat().st_mtime >= used_since:
                needed.add(image)
            elif image not in needed:
                with explain_os_errors(f"remove {path}"):
                    path.unlink(missing_ok=True)
        unneeded = [path for path in self._children("sha256") if path.resolve() not in needed]
        for path in unneeded:
            with explain_os_errors(f"remove {path}"):
                path.unlink(missing_ok=True)
        return unneeded

    def _make(self, recipe: Recipe, builder: Callable[[Path], Path]) -> Image:
        workspace = self.directory / "building" / recipe.digest
        # What a killed builder left; we have its lock, so it is gone.
        remove_tree(workspace)
        make_private_directory(workspace)
        try:
            with explain_full_disk(workspace):
                built = builder(workspace)
            return self._publish(recipe, built)
        finally:
            remove_tree(workspace)

    def _publish(self, recipe: Recipe, built: Path) -> Image:
        virtual_size = inspect_image(built).virtual_size
        digest = _hash(built)
        image, recipe_file = self._image_file(digest), self._recipe_file(recipe)
        make_private_directory(image.parent)
        make_private_directory(recipe_file.parent)
        # Between the two renames the image has a name and nobody who needs it.
        with self._names(), explain_os_errors(f"write {image}"):
            built.chmod(0o444)
            built.replace(image)
            sync_directory(image.parent)
            status = image.stat()
            entry = _Entry(
                description=recipe.description,
                made_at=datetime.now(UTC).isoformat(timespec="seconds"),
                digest=digest,
                virtual_size=virtual_size,
                size=status.st_size,
                mtime_ns=status.st_mtime_ns,
            )
            write_atomically(recipe_file, json.dumps(asdict(entry), indent=2) + "\n")
        return Image(image, digest, virtual_size)

    def _names(self) -> AbstractContextManager[None]:
        """Held for a moment while names are given or taken away."""
        return hold(self.directory / "names.lock", timeout=NAMES_WAIT_SECONDS)

    def _children(self, name: str) -> list[Path]:
        directory = self.directory / name
        return sorted(directory.iterdir()) if directory.is_dir() else []

    def _recipe_file(self, recipe: Recipe) -> Path:
        return self.directory / "recipes" / f"{recipe.digest}.json"

    def _image_file(self, digest: str) -> Path:
        return self.directory / "sha256" / f"{digest}.qcow2"


def _read_entry(path: Path) -> _Entry | None:
    try:
        return _Entry(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        # Whatever is wrong with a cache entry, building anew puts it right.
        return None


def _is_intact(image: Path, entry: _Entry) -> bool:
    """Whether an image is what it was; read in full only where its date says that it is not."""
    try:
        status = image.stat()
        if status.st_size != entry.size:
            return False
        return status.st_mtime_ns == entry.mtime_ns or _hash(image) == entry.digest
    except FileNotFoundError:
        return False


def _hash(path: Path) -> str:
    """The sha256 of a file that is on the disk, and not only in memory, when this returns."""
    digest = hashlib.sha256()
    with explain_os_errors(f"read {path}"), path.open("rb") as stream:
        os.fsync(stream.fileno())
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
