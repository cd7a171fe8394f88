"""Disks of ours that stand in for a distribution's cloud images, and how a whole one looks.

Each guest that boots takes most of a minute under TCG. So those that several tests need anyway have
between them both builders, both releases, and the file systems that are not the usual one.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from builder_stand_in import REFERENCE
from testinfra.host import Host

from charly_vm.host.progress import SILENT
from charly_vm.machine.disks import build_disk
from charly_vm.model.project import load_project

XFS_BY_DEBOOTSTRAP = (
    "{kind: bootstrap, distro: debian-12, rootfs: xfs, builder: debootstrap, "
    f"builder_image: '{REFERENCE}', package: [libcap2-bin]}}"
)
"""Its builder is that of an image, which has to be there."""
BTRFS_OF_DEBIAN_13 = "{kind: bootstrap, distro: debian-13, rootfs: btrfs}"


def build(source: str) -> Path:
    """The disk of a source in YAML's flow notation, from the user's own cache where it is there."""
    with tempfile.TemporaryDirectory(prefix="charly-") as directory:
        file = Path(directory) / "charly.yml"
        file.write_text(f"disk: {{vm: {{source: {source}}}}}\n")
        return build_disk(load_project(file).target("disk"), file, SILENT).path


def require_whole(host: Host, kind: str, *, gibibytes: int) -> None:
    """The root is of a kind and has grown, and its files are as they were made."""
    assert host.mount_point("/").filesystem == kind
    size = int(host.check_output("df --block-size=1M --output=size / | tail -n 1"))
    assert gibibytes * 1024 - 600 < size < gibibytes * 1024
    # cloud-init is done a moment before the last unit has started.
    assert host.check_output("timeout 60 systemctl is-system-running --wait") == "running"
    assert host.file("/tmp").mode == 0o1777
    assert host.file("/usr/bin/sudo").mode == 0o4755
    # Not when the disk was made, but when the package was.
    assert host.check_output("find /usr/lib/os-release -mtime +0") == "/usr/lib/os-release"
