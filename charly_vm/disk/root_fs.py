"""The root file system with a tree of files in it, at its place on a raw disk; nothing is
mounted."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from charly_vm.disk import tree_listing
from charly_vm.disk.file_systems import BTRFS, EXT4, ROOT_LABEL, XFS, FileSystem
from charly_vm.disk.sandbox import sandboxed
from charly_vm.disk.tree_listing import Entry
from charly_vm.disk.xfs import (
    FEATURES,
    NEWER,
    Unnameable,
    render_database_commands,
    render_prototype,
)
from charly_vm.errors import LaunchError
from charly_vm.host.files import explain_os_errors
from charly_vm.host.process import find_tool, require_tool, run

_TIMEOUT = 600.0
_WHAT = "making the root file system"

_MKE2FS_CONF = """\
[defaults]
    base_features = sparse_super,large_file,filetype,resize_inode,dir_index,ext_attr
    default_mntopts = acl,user_xattr
    enable_periodic_fsck = 0
    blocksize = 4096
    inode_size = 256
    inode_ratio = 16384
[fs_types]
    ext4 = {
        features = has_journal,extent,huge_file,flex_bg,metadata_csum,64bit,dir_nlink,extra_isize
    }
"""
"""Not the host's: a newer mke2fs turns on features that an older guest's kernel, e2fsck or GRUB
cannot read, and the disk would depend on where it was made."""

_BTRFS_OPTIONS = ("--sectorsize", "4096", "--metadata", "dup", "--data", "single")


def find_missing(file_system: FileSystem) -> dict[str, str]:
    """The programs that the host lacks, each with its package."""
    programs = file_system.programs
    return {name: package for name, package in programs.items() if find_tool(name) is None}


def ingredients(file_system: FileSystem) -> tuple[str, ...]:
    """All that determines the file system besides its size and its files, for a recipe."""
    newer = tuple(word for words in NEWER for word in words)
    details = {
        EXT4.name: (_MKE2FS_CONF,),
        XFS.name: (*FEATURES, *newer),
        BTRFS.name: _BTRFS_OPTIONS,
    }
    return (file_system.name, *details[file_system.name])


def write_root(
    file_system: FileSystem, tree: Path, raw: Path, workspace: Path, *, start: int, size: int
) -> None:
    """Make a file system of `size` bytes at byte `start` of the raw disk.

    `tree` was made by `sandboxed` commands. Raises `LaunchError` with the program's own words.
    """
    if file_system is EXT4:
        _write_ext4(tree, raw, workspace, start=start, size=size)
        return
    # The others' programs know no offset.
    alone = workspace / "root.raw"
    with explain_os_errors(f"write {alone}"):
        with alone.open("wb") as file:
            file.truncate(size)
        if file_system is XFS:
            _write_xfs(tree, alone, workspace, size)
        else:
            _write_btrfs(tree, alone)
        place = ["oflag=seek_bytes", f"seek={start}", "conv=notrunc,sparse"]
        copy = ["dd", f"if={alone}", f"of={raw}", "bs=1M", "status=none", *place]
        run(copy, what=_WHAT, timeout=_TIMEOUT)
        alone.unlink()


def _program(file_system: FileSystem, name: str) -> Path:
    """The path: an ordinary user's PATH leaves out the directory of all of these."""
    return require_tool(name, package=file_system.programs[name])


def _write_ext4(tree: Path, raw: Path, workspace: Path, *, start: int, size: int) -> None:
    config = workspace / "mke2fs.conf"
    with explain_os_errors(f"write {config}"):
        config.write_text(_MKE2FS_CONF)
    # The image is all zeros already; saying that the inode tables are initialised spares every
    # machine the kernel thread that would zero them after its first boot.
    options = f"offset={start},lazy_itable_init=0,lazy_journal_init=1,nodiscard"
    mke2fs: list[str | Path] = [
        _program(EXT4, "mke2fs"), "-q", "-F", "-t", "ext4", "-m", "1", "-L", ROOT_LABEL,
        "-E", options, "-d", tree, raw, f"{size // 1024}k",
    ]  # fmt: skip
    environment = {"MKE2FS_CONFIG": str(config)}
    run(sandboxed(mke2fs), env=environment, what=_WHAT, timeout=_TIMEOUT)


def _write_btrfs(tree: Path, alone: Path) -> None:
    program = _program(BTRFS, "mkfs.btrfs")
    words: list[str | Path] = [
        program,
        "-q",
        "-L",
        ROOT_LABEL,
        *_BTRFS_OPTIONS,
        "--rootdir",
        tree,
        alone,
    ]
    run(sandboxed(words), what=_WHAT, timeout=_TIMEOUT)


def _write_xfs(tree: Path, alone: Path, workspace: Path, size: int) -> None:
    entries = _list(tree)
    prototype = workspace / "prototype"
    try:
        prototype.write_text(render_prototype(entries), encoding="utf-8")
        commands = render_database_commands(entries)
    except Unnameable as error:
        raise LaunchError(
            f"{_WHAT} failed: {error}", hint="choose `rootfs: ext4` or `rootfs: btrfs`"
        ) from error
    program, place = _program(XFS, "mkfs.xfs"), ("-d", f"file=1,size={size}")
    known = [words for words in NEWER if _knows(program, [*words, *place, alone])]
    mkfs: list[str | Path] = [
        program, "-q", "-L", ROOT_LABEL, *FEATURES, *itertools.chain(*known), "-p", prototype,
        *place, alone,
    ]  # fmt: skip
    run(sandboxed(mkfs), cwd=tree, what=_WHAT, timeout=_TIMEOUT)
    done = run(
        [_program(XFS, "xfs_db"), "-x", alone],
        stdin="\n".join((*commands, "quit", "")),
        what=_WHAT,
        timeout=_TIMEOUT,
    )
    _require_written(commands, done.stdout, done.stderr)


def _knows(mkfs: Path, words: Sequence[str | Path]) -> bool:
    """Whether this mkfs.xfs takes some words; it writes nothing."""
    return run([mkfs, "-N", *words], timeout=20, check=False).status == 0


def _require_written(commands: Sequence[str], output: str, errors: str) -> None:
    """xfs_db ends well whatever a command met; each `write` that works shows the new value."""
    wanted = sum(command.startswith("write ") for command in commands)
    lines = output.splitlines()
    strange = [line for line in lines if not line.startswith(("core.", "a.sfattr."))]
    if strange or errors.strip() or len(lines) != wanted:
        said = "\n".join((*strange, errors.strip()))
        raise LaunchError(f"{_WHAT} failed: xfs_db did not write all attributes", log=said)


def _list(tree: Path) -> list[Entry]:
    # Isolated: the sandbox's Python reads nothing of the user's own settings. Names in the tree are
    # UTF-8, whatever the locale here.
    lister: list[str | Path] = [sys.executable, "-I", "-X", "utf8", tree_listing.__file__, tree]
    done = run(sandboxed(lister), what="listing the tree", timeout=120)
    return [Entry(**one) for one in json.loads(done.stdout)]
