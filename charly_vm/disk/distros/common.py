"""What the recipes of all distributions say alike. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping

ROOT_GROWS = "etc/repart.d/50-root.conf"
"""repart.d(5): systemd grows the partition, and by fstab's option the file system in it."""


def render_kernel_args(written: str) -> str:
    """An author's arguments of the kernel as GRUB reads them, which is as a shell does; each with a
    blank in front."""
    return "".join(f" {shlex.quote(word)}" for word in shlex.split(written))


def render_growth(root_size: int) -> str:
    """The content of `ROOT_GROWS`. Beyond `root_size` bytes, if not 0, the disk stays free for
    whoever wants it."""
    return "[Partition]\nType=root\n" + (f"SizeMaxBytes={root_size}\n" if root_size else "")


def list_files(files: Mapping[str, str]) -> Iterator[str]:
    """Files, or places of files, as ingredients of a recipe."""
    return (f"{path}\n{text}" for path, text in sorted(files.items()))
