"""Disk images through qemu-img: what one is, an overlay on one, one in qcow2."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from charly_vm.disk.room import explain_full_disk
from charly_vm.errors import HostError
from charly_vm.host.files import explain_os_errors, sync_directory
from charly_vm.host.process import Completed, require_tool, run

INFO_TIMEOUT = 30.0
CONVERT_TIMEOUT = 1800.0


@dataclass(frozen=True, slots=True)
class ImageInfo:
    """What an image says of itself. `virtual_size` is in bytes."""

    format: str
    """As qemu-img found it by looking: qcow2, raw, vmdk, vhdx. Anything unknown is raw."""
    virtual_size: int
    backing_file: str | None
    other_files: tuple[str, ...]
    """Every file that the image names besides itself: what backs it, a qcow2's data file, a vmdk's
    extents. Whoever opens the image opens these as well."""


def inspect_image(path: Path) -> ImageInfo:
    """Look at an image without trusting its name. Raises `HostError` when it cannot be read."""
    with explain_os_errors(f"read the image {path}"):
        path.open("rb").close()
    # -U: a running machine may have the image locked, and reading its header does no harm.
    done = qemu_img("info", "-U", "--output=json", path, timeout=INFO_TIMEOUT, check=False)
    if done.status != 0:
        raise HostError(
            f"{path} is not a usable disk image: {_reason(done.stderr)}",
            hint="download or build it again",
        )
    said = json.loads(done.stdout)
    specific = said.get("format-specific", {}).get("data", {})
    backing_file = said.get("full-backing-filename") or said.get("backing-filename")
    extents = [extent["filename"] for extent in specific.get("extents", ())]
    named = [backing_file, specific.get("data-file"), *extents]
    return ImageInfo(
        format=said["format"],
        virtual_size=said["virtual-size"],
        backing_file=backing_file,
        other_files=tuple(name for name in named if name and name != str(path)),
    )


def create_overlay(base: Path, path: Path, size: int = 0) -> None:
    """Make a qcow2 of `size` bytes at `path` that reads from `base` what it does not hold itself.

    Without a size it has the base's. Appears in one step and replaces an earlier overlay. A `size`
    below the base's is refused: the guest's file system would reach beyond the end of its disk.
    """
    info = inspect_image(base)
    size = size or info.virtual_size
    require_room_for(base, info, size)
    with appearing(path) as temporary:
        qemu_img(
            "create", "-q", "-f", "qcow2", "-F", info.format, "-b", base.resolve(), temporary,
            str(size), timeout=INFO_TIMEOUT,
        )  # fmt: skip


def convert_to_qcow2(source: Path, out: Path, *, source_format: str) -> None:
    """Write `source` to `out` as a qcow2 of its own, in one step.

    qemu-img is told the format: it would look, and the first sector of a raw disk belongs to
    whoever made it.
    """
    with appearing(out) as temporary:
        qemu_img(
            "convert", "-f", source_format, "-O", "qcow2", source, temporary,
            timeout=CONVERT_TIMEOUT,
        )  # fmt: skip


def convert_to_raw(source: Path, out: Path) -> None:
    """Write a qcow2 to `out` as a sparse raw disk, in one step."""
    with appearing(out) as temporary:
        qemu_img("convert", "-f", "qcow2", "-O", "raw", source, temporary, timeout=CONVERT_TIMEOUT)


def enlarge_copy(source: Path, out: Path, size: int) -> Path:
    """Write a copy of a qcow2 in which the guest sees `size` bytes; `out` again.

    A smaller one is refused: the guest's file system would reach beyond the end of its disk.
    """
    info = inspect_image(source)
    require_room_for(source, info, size)
    with appearing(out) as temporary:
        qemu_img(
            "convert", "-f", "qcow2", "-O", "qcow2", source, temporary, timeout=CONVERT_TIMEOUT
        )
        grow_image(temporary, size)
    return out


def grow_image(path: Path, size: int) -> None:
    """Have the guest see `size` bytes in a qcow2 that nobody uses; it has fewer."""
    qemu_img("resize", "-q", "-f", "qcow2", path, str(size), timeout=INFO_TIMEOUT)


def require_room_for(base: Path, info: ImageInfo, size: int) -> None:
    """Raise `HostError` for a disk that is smaller than the image that it begins with."""
    if size < info.virtual_size:
        raise HostError(
            f"a disk of {size} bytes cannot hold the image {base} of {info.virtual_size} bytes",
            hint=f"set disk_size to at least {-(-info.virtual_size // 2**20)}M",
        )


def qemu_img(*words: str | Path, timeout: float, check: bool = True) -> Completed:
    """Run qemu-img; raises as `process.run` does."""
    tool = require_tool("qemu-img", package="qemu-utils (Fedora and Arch: qemu-img)")
    return run([tool, *words], timeout=timeout, check=check, what=f"qemu-img {words[0]}")


def _reason(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].removeprefix("qemu-img: ") if lines else "qemu-img does not say why"


@contextmanager
def appearing(path: Path) -> Iterator[Path]:
    """An empty file (0600) that becomes `path` when the block has filled it, and goes otherwise."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with explain_os_errors(f"write {path}"):
            temporary.touch(mode=0o600, exist_ok=False)
        with explain_full_disk(path.parent):
            yield temporary
        with explain_os_errors(f"write {path}"):
            descriptor = os.open(temporary, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            temporary.replace(path)
            sync_directory(path.parent)
    finally:
        temporary.unlink(missing_ok=True)
