"""A tree in each file system, read back with other programs than those that wrote it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from charly_vm.disk.file_systems import BTRFS, FILE_SYSTEMS, XFS, FileSystem
from charly_vm.disk.root_fs import find_missing, ingredients, write_root
from charly_vm.disk.sandbox import remove_tree, sandboxed
from charly_vm.errors import LaunchError
from charly_vm.host.process import find_tool, require_tool, run

pytestmark = pytest.mark.slow

START, SIZE = 4 * 1024**2, 320 * 1024**2
"""mkfs.xfs makes nothing smaller than 300 MiB."""

TREE = """
mkdir -p tree/a/deep/empty tree/tmp tree/b && cd tree
printf hello >a/deep/file && chown 5:6 a/deep/file && chmod 4750 a/deep/file
ln -s ../deep/file a/link && ln a/deep/file b/hard
mkfifo b/queue && chmod 1777 tmp && chown 7:8 tmp
head -c 3000000 /dev/urandom >b/large
touch --date=@1000000000.123456789 a/deep/file && touch --date=@1100000000 a/deep a
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp("tree")
    run(sandboxed(["sh", "-euc", TREE]), timeout=20, cwd=work)
    return work / "tree"


def write(file_system: FileSystem, tree: Path, work: Path) -> Path:
    """The file system alone."""
    raw, between, alone = work / "raw", work / "between", work / "alone"
    between.mkdir()
    with raw.open("wb") as file:
        file.truncate(START + SIZE + 1024**2)
    write_root(file_system, tree, raw, between, start=START, size=SIZE)
    assert {path.name for path in between.iterdir()} <= {"mke2fs.conf", "prototype"}
    with raw.open("rb") as file, alone.open("wb") as out:
        assert file.read(START) == bytes(START)
        shutil.copyfileobj(file, out)
    return alone


def debug_xfs(alone: Path, *commands: str) -> str:
    program = require_tool("xfs_db", package="xfsprogs")
    words = [word for command in commands for word in ("-c", command)]
    return run([program, "-r", "-f", *words, alone], timeout=20).stdout


def test_xfs_has_all_of_the_tree(tree: Path, tmp_path: Path) -> None:
    alone = write(XFS, tree, tmp_path)
    repair = require_tool("xfs_repair", package="xfsprogs")
    assert run([repair, "-n", "-f", alone], timeout=60).status == 0
    assert 'fname = "root' in debug_xfs(alone, "sb", "print fname")
    fields = "core.mode core.uid core.gid core.size core.mtime"
    said = debug_xfs(alone, "path /a/deep/file", f"print {fields}")
    assert re.findall(r"= (\S+)", said)[:4] == ["0104750", "5", "6", "5"]
    assert "core.mtime.nsec = 123456789" in said
    assert "Sep  9 01:46:40 2001" in said
    assert "Nov  9 11:33:20 2004" in debug_xfs(alone, "path /a", "print core.mtime.sec")
    assert "041777" in debug_xfs(alone, "path /tmp", "print core.mode")
    assert '"../deep/file"' in debug_xfs(alone, "path /a/link", "print u3.symlink")
    assert "010644" in debug_xfs(alone, "path /b/queue", "print core.mode")
    assert "= 3000000" in debug_xfs(alone, "path /b/large", "print core.size")
    # All, so that a newer mkfs.xfs's own choice is noticed.
    features = debug_xfs(alone, "version").partition("] = ")[2].strip()
    assert set(features.split(",")) == {
        "V5", "NLINK", "DIRV2", "ALIGN", "LOGV2", "EXTFLG", "MOREBITS", "ATTR2", "LAZYSBCOUNT",
        "PROJID32BIT", "CRC", "FTYPE", "FINOBT", "SPARSE_INODES", "REFLINK", "INOBTCNT", "BIGTIME",
    }  # fmt: skip


def test_btrfs_has_all_of_the_tree(tree: Path, tmp_path: Path) -> None:
    alone = write(BTRFS, tree, tmp_path)
    btrfs = require_tool("btrfs", package="btrfs-progs")
    assert run([btrfs, "check", alone], timeout=60).status == 0
    assert run([btrfs, "filesystem", "label", alone], timeout=20).stdout == "root\n"
    out = tmp_path / "out"
    # With owners, times and links; mkfs.btrfs keeps whole seconds.
    script = 'mkdir out && "$0" restore -m -S "$1" out && cd out && exec find . -printf "$2"'
    listing = "%P %M %U %G %T@ %l\\n"
    command: list[str | Path] = ["sh", "-euc", script, str(btrfs), alone, listing]
    lines = run(sandboxed(command), timeout=60, cwd=tmp_path).stdout.splitlines()
    assert "a/deep/file -rwsr-x--- 5 6 1000000000.0000000000 " in lines
    assert any(line.startswith("a/link lrwxrwxrwx 0 0 ") for line in lines)
    assert any(line.endswith(" ../deep/file") for line in lines)
    assert any(line.startswith("tmp drwxrwxrwt 7 8 ") for line in lines)
    compare = ["sh", "-euc", "cmp tree/b/large out/b/large", "sh"]
    shutil.copytree(tree / "b", tmp_path / "tree" / "b", ignore=lambda *_: ["queue", "hard"])
    assert run(sandboxed(compare), timeout=20, cwd=tmp_path).status == 0
    remove_tree(out)


def test_what_xfs_cannot_name_is_said_and_what_can(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "two words").touch()
    with pytest.raises(LaunchError, match="cannot name 'two words'") as raised:
        write(XFS, tree, tmp_path)
    assert raised.value.hint == "choose `rootfs: ext4` or `rootfs: btrfs`"


def test_what_xfs_db_does_not_write_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    monkeypatch.setattr(
        "charly_vm.disk.root_fs.render_database_commands",
        lambda _: ["path /nowhere", "write core.mtime.sec 1"],
    )
    with pytest.raises(LaunchError, match="making the root file system failed") as raised:
        write(XFS, tree, tmp_path)
    assert "nowhere" in str(raised.value)


def test_missing_programs_are_named_with_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "charly_vm.disk.root_fs.find_tool",
        lambda name: None if name == "xfs_db" else find_tool(name),
    )
    assert find_missing(XFS) == {"xfs_db": "xfsprogs"}
    assert find_missing(BTRFS) == {}


def test_each_file_system_makes_another_disk() -> None:
    assert len({ingredients(one) for one in FILE_SYSTEMS.values()}) == len(FILE_SYSTEMS)
