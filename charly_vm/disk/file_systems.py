"""The file systems that a root can have, and what each asks of the host, of GRUB and of the guest.
Pure; `root_fs` makes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from charly_vm.model.source import RootFs

ROOT_LABEL = "root"


@dataclass(frozen=True, slots=True)
class FileSystem:
    """One kind of file system."""

    name: RootFs
    programs: Mapping[str, str]
    """What makes it on the host, each with its package."""
    tools: str
    """The guest's package with its tools; the distributions agree on the name."""
    grub: str
    """GRUB's module that reads it."""
    mount_options: str
    """In the guest's fstab. systemd-growfs(8) knows all of these file systems."""
    check_pass: int
    """fstab's last field: only ext4 is checked at boot."""

    @property
    def fstab(self) -> str:
        """The line of the root."""
        return f"LABEL={ROOT_LABEL} / {self.name} {self.mount_options} 0 {self.check_pass}\n"


EXT4 = FileSystem(
    "ext4",
    {"mke2fs": "e2fsprogs"},
    tools="e2fsprogs",
    grub="ext2",
    mount_options="defaults,discard,x-systemd.growfs",
    check_pass=1,
)
XFS = FileSystem(
    "xfs",
    {"mkfs.xfs": "xfsprogs", "xfs_db": "xfsprogs"},
    tools="xfsprogs",
    grub="xfs",
    mount_options="defaults,discard,x-systemd.growfs",
    check_pass=0,
)
BTRFS = FileSystem(
    "btrfs",
    {"mkfs.btrfs": "btrfs-progs"},
    tools="btrfs-progs",
    grub="btrfs",
    mount_options="defaults,discard=async,x-systemd.growfs",
    check_pass=0,
)

FILE_SYSTEMS: Mapping[RootFs, FileSystem] = {one.name: one for one in (EXT4, XFS, BTRFS)}
"""By the names that `rootfs:` takes."""
