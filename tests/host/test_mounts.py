"""Which file system holds a path, from lines as the kernel writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

import charly_vm.host.mounts as mounts
from charly_vm.host.mounts import find_file_system, find_type

LINES = r"""
22 1 0:20 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:21 / /proc rw - proc proc rw
30 22 0:40 / /home rw,nosuid shared:5 master:2 - nfs4 server:/home rw,vers=4.2
31 30 0:41 /sub /home/local\040disk rw - xfs /dev/sdb1 rw
32 22 0:42 / /mnt rw - ext4 /dev/sdc1 rw
33 32 0:43 / /mnt rw - cifs //server/share rw
34 22 0:44 / /srv/a rw optional:x - fuse.sshfs a@b:/c rw
broken line
35 22 - nothing
""".strip().splitlines()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/etc/fstab", "ext4"),
        ("/home/me/.local/state", "nfs4"),
        ("/homeless", "ext4"),
        ("/home/local disk", "xfs"),
        ("/home/local disk/x", "xfs"),
        ("/mnt/x", "cifs"),
        ("/srv/a/b", "fuse.sshfs"),
        ("/srv/ab", "ext4"),
    ],
)
def test_the_innermost_mount_counts_and_of_two_on_one_place_the_last(path: str, kind: str) -> None:
    assert find_type(Path(path), LINES) == kind


def test_no_lines_say_nothing() -> None:
    assert find_type(Path("/x"), []) == ""


def test_a_link_is_followed_and_a_path_need_not_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    table = tmp_path / "mountinfo"
    table.write_text(
        f"1 0 0:1 / / rw - ext4 x rw\n2 1 0:2 / {tmp_path.resolve()}/real rw - nfs x rw\n"
    )
    monkeypatch.setattr(mounts, "MOUNTS", table)
    assert find_file_system(tmp_path / "link/not/yet") == "nfs"
    assert find_file_system(tmp_path / "other") == "ext4"


def test_where_nobody_says_it_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounts, "MOUNTS", Path("/does/not/exist"))
    assert find_file_system(Path("/")) == ""


def test_this_hosts_own_table_can_be_read() -> None:
    assert find_file_system(Path("/proc")) == "proc"
