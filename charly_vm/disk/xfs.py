"""A tree of files as input of XFS's programs, which fill a file system without mounting it. Pure.

mkfs.xfs(8) reads a prototype file with owners, permissions and links. What that cannot say (times,
sticky bits, extended attributes) xfs_db(8) writes into the inodes afterwards.
"""

from __future__ import annotations

import re
import stat
import struct
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from charly_vm.disk.tree_listing import Entry

FEATURES = (
    "-m", "crc=1,finobt=1,reflink=1,bigtime=1,inobtcount=1,rmapbt=0",
    "-i", "sparse=1,nrext64=0",
)  # fmt: skip
"""Not those of the host's version: kernels from 5.15 on and GRUB 2.06 read these."""

NEWER = (("-n", "parent=0"), ("-i", "exchange=0"))
"""What later versions of mkfs.xfs turn on by themselves, and earlier ones do not know."""

_FIRST_TIME = 2**31 * 10**9
"""A timestamp with the feature bigtime counts nanoseconds from 1901: 2^31 seconds before 1970."""
_NAMESPACES = {"user.": "-u", "security.": "-s", "trusted.": "-r"}
_ACLS = {
    "system.posix_acl_access": "SGI_ACL_FILE",
    "system.posix_acl_default": "SGI_ACL_DEFAULT",
}
_NAMED_USER, _NAMED_GROUP = 0x02, 0x08


class Unnameable(ValueError):
    """XFS's programs have no way to write this entry."""


def render_prototype(entries: Sequence[Entry]) -> str:
    """mkfs.xfs's prototype file, for the tree's root as the current directory.

    Hard links become files of their own, as the format has none.

    Raises `Unnameable` for a name that its format cannot hold and for sockets and devices.
    """
    if odd := [entry.path for entry in entries if not _has_a_name(entry)]:
        raise Unnameable(f"a prototype file cannot name {', '.join(map(repr, odd))}")
    lines = ["/", "0 0"]
    opened = 0
    for entry in entries:
        level = len(PurePosixPath(entry.path).parts)
        # What was opened beside this entry, or below its neighbours, ends here.
        lines += ["$"] * (opened - level)
        lines.append(_render_line(entry))
        opened = level + stat.S_ISDIR(entry.mode)
    return "\n".join((*lines, *["$"] * opened, ""))


def render_database_commands(entries: Sequence[Entry]) -> list[str]:
    """What xfs_db has to do, one command each; every `write` answers with one line of its own."""
    return [command for entry in entries for command in _render_commands(entry)]


def _render_line(entry: Entry) -> str:
    kind, source = _kind_and_source(entry)
    name = PurePosixPath(entry.path).name
    user = "u" if entry.mode & stat.S_ISUID else "-"
    group = "g" if entry.mode & stat.S_ISGID else "-"
    words = (name, f"{kind}{user}{group}{entry.mode & 0o777:03o}", entry.uid, entry.gid, source)
    return " ".join(str(word) for word in words if word != "")


def _has_a_name(entry: Entry) -> bool:
    """Whether the format can hold the entry's name, and where it leads: it knows neither quotation
    nor escape, a colon begins a comment, and $ ends a directory."""
    name = PurePosixPath(entry.path).name
    # What is not UTF-8 has surrogates in place of its bytes.
    odd = re.search(r"[\s\ud800-\udfff]", name + entry.target)
    return odd is None and not name.startswith((":", "$"))


def _kind_and_source(entry: Entry) -> tuple[str, str]:
    if stat.S_ISDIR(entry.mode):
        return "d", ""
    if stat.S_ISLNK(entry.mode):
        return "l", entry.target
    if stat.S_ISREG(entry.mode):
        return "-", f"./{entry.path}"
    if stat.S_ISFIFO(entry.mode):
        return "p", ""
    raise Unnameable(f"{entry.path} is neither a file nor a directory nor a link nor a FIFO")


def _render_commands(entry: Entry) -> Iterator[str]:
    yield f"path /{'' if entry.path == '.' else entry.path}"
    yield f"write core.mtime.sec {entry.mtime_ns + _FIRST_TIME}"
    if entry.mode & stat.S_ISVTX:
        yield f"write core.mode {entry.mode:#o}".replace("0o", "0")
    for number, (name, value) in enumerate(sorted(entry.attributes.items())):
        space, stored, content = _store(name, bytes.fromhex(value))
        yield f"attr_set {space} -v {len(content)} {stored}"
        yield f"write a.sfattr.list[{number}].value #{content.hex()}"


def _store(name: str, value: bytes) -> tuple[str, str, bytes]:
    """xfs_db's option for an attribute's name space, its name there, and its content."""
    if name in _ACLS:
        return "-r", _ACLS[name], _store_acl(value)
    for prefix, option in _NAMESPACES.items():
        if name.startswith(prefix):
            return option, name.removeprefix(prefix), value
    raise Unnameable(f"XFS has no place for the attribute {name}")


def _store_acl(value: bytes) -> bytes:
    """From acl(5)'s form in an attribute to XFS's, `struct xfs_acl` of the kernel's
    fs/xfs/libxfs/xfs_format.h: big-endian, and an id only where one is named."""
    entries = list(struct.iter_unpack("<HHI", value[4:]))
    stored = [
        struct.pack(">IIHH", tag, owner if tag in (_NAMED_USER, _NAMED_GROUP) else 0, rights, 0)
        for tag, rights, owner in entries
    ]
    return struct.pack(">I", len(entries)) + b"".join(stored)
