"""What XFS's programs are told about a tree."""

from __future__ import annotations

import stat
import struct

import pytest

from charly_vm.disk.tree_listing import Entry
from charly_vm.disk.xfs import Unnameable, render_database_commands, render_prototype

ROOT = Entry(".", stat.S_IFDIR | 0o755, 0, 0, 0)


def directory(path: str, mode: int = 0o755) -> Entry:
    return Entry(path, stat.S_IFDIR | mode, 0, 0, 0)


def file(path: str, mode: int = 0o644, **more: object) -> Entry:
    return Entry(path, stat.S_IFREG | mode, 1, 2, 0, **more)  # type: ignore[arg-type]


def test_every_directory_is_closed_where_it_ends() -> None:
    entries = [
        ROOT,
        directory("a"),
        directory("a/b"),
        file("a/b/c"),
        directory("d"),
        file("e", mode=0o6755),
        Entry("f", stat.S_IFLNK | 0o777, 0, 0, 0, target="a/b"),
        Entry("g", stat.S_IFIFO | 0o600, 3, 4, 0),
    ]
    assert render_prototype(entries).splitlines() == [
        "/", "0 0", "d--755 0 0",
        "a d--755 0 0", "b d--755 0 0", "c ---644 1 2 ./a/b/c", "$", "$",
        "d d--755 0 0", "$",
        "e -ug755 1 2 ./e",
        "f l--777 0 0 a/b",
        "g p--600 3 4",
        "$",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "entry",
    [
        file("two words"),
        file("a\nb"),
        file(":colon"),
        file("Latin-1 \udce9".replace(" ", "")),
        file("$"),
        Entry("link", stat.S_IFLNK | 0o777, 0, 0, 0, target="two words"),
        Entry("socket", stat.S_IFSOCK | 0o600, 0, 0, 0),
        Entry("disk", stat.S_IFBLK | 0o600, 0, 0, 0),
    ],
    ids=lambda one: repr(one.path),
)
def test_what_the_format_cannot_hold_is_not_guessed(entry: Entry) -> None:
    with pytest.raises(Unnameable):
        render_prototype([ROOT, entry])


def test_all_that_the_format_cannot_name_is_said_at_once() -> None:
    with pytest.raises(Unnameable, match="cannot name 'a b', ':c'"):
        render_prototype([ROOT, file("a b"), file(":c"), file("d")])


def test_times_count_from_1901_and_sticky_bits_are_octal() -> None:
    sticky = Entry("tmp", stat.S_IFDIR | 0o1777, 0, 0, mtime_ns=5)
    assert render_database_commands([ROOT, sticky]) == [
        "path /",
        "write core.mtime.sec 2147483648000000000",
        "path /tmp",
        "write core.mtime.sec 2147483648000000005",
        "write core.mode 041777",
    ]


def test_attributes_go_to_the_name_space_that_xfs_keeps_them_in() -> None:
    entry = file("x", attributes={"user.a": "6162", "security.capability": "0100"})
    assert render_database_commands([entry])[2:] == [
        "attr_set -s -v 2 capability",
        "write a.sfattr.list[0].value #0100",
        "attr_set -u -v 2 a",
        "write a.sfattr.list[1].value #6162",
    ]


def test_an_acl_is_stored_as_xfs_has_it() -> None:
    entries = [(0x01, 7, 0xFFFFFFFF), (0x08, 5, 4), (0x10, 5, 0xFFFFFFFF)]
    value = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *one) for one in entries)
    commands = render_database_commands(
        [file("x", attributes={"system.posix_acl_default": value.hex()})]
    )
    stored = struct.pack(">I", 3) + b"".join(
        struct.pack(">IIHH", *one) for one in [(1, 0, 7, 0), (8, 4, 5, 0), (16, 0, 5, 0)]
    )
    assert commands[2:] == [
        f"attr_set -r -v {len(stored)} SGI_ACL_DEFAULT",
        f"write a.sfattr.list[0].value #{stored.hex()}",
    ]


def test_an_attribute_of_another_name_space_is_refused() -> None:
    with pytest.raises(Unnameable, match=r"system\.other"):
        render_database_commands([file("x", attributes={"system.other": "00"})])
