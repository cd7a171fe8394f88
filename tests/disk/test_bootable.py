"""A small tree as a disk, looked at with other tools than those that made it."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

import pytest

from charly_vm.disk import loaders
from charly_vm.disk.bootable import (
    BIOS_START,
    ESP_START,
    ROOT_START,
    ROOT_TYPES,
    SMALLEST,
    disk_size,
    find_missing,
    layout,
    make_bootable_disk,
    root_bytes,
)
from charly_vm.disk.file_systems import EXT4
from charly_vm.disk.sandbox import sandboxed
from charly_vm.host.process import find_tool, run

SIZE = 64 * 1024**2
GRUB_CONFIG = "set timeout=0\nboot\n"
LOADER = b"MZ and what firmware starts" + bytes(3_000_000)


def make(work: Path, architecture: str) -> Path:
    """The disk of a tree with one file of another owner, as a raw file."""
    script = (
        "mkdir -p tree/boot/grub tree/etc && cd tree && touch etc/of-5 && chown 5:6 etc/of-5 && "
        "chmod 4750 etc/of-5 && ln -s boot/grub/grub.cfg link"
    )
    run(sandboxed(["sh", "-c", script]), timeout=20, cwd=work)
    (work / "tree" / "boot" / "grub" / "grub.cfg").write_text(GRUB_CONFIG)
    (work / "between").mkdir()
    (work / "loader").write_bytes(LOADER)
    disk = work / "disk.qcow2"
    make_bootable_disk(
        work / "tree",
        disk,
        architecture=architecture,
        file_system=EXT4,
        efi_config="EFI/debian/grub.cfg",
        efi={"EFI/BOOT/BOOTX64.EFI": work / "loader"},
        size=SIZE,
        workspace=work / "between",
    )
    run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", disk, work / "raw"], timeout=60)
    return work / "raw"


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("bootable"), "x86_64")


def partitions(raw: Path) -> list[tuple[int, str, str]]:
    """Start, name and type of each."""
    program = find_tool("sfdisk") or "sfdisk"
    table = json.loads(run([program, "--json", raw], timeout=20).stdout)["partitiontable"]
    assert table["label"] == "gpt"
    assert run([program, "--verify", raw], timeout=20).stdout.count("No errors detected.")
    return [(one["start"], one["name"], one["type"]) for one in table["partitions"]]


def on_esp(raw: Path, path: str) -> bytes:
    image = f"{raw}@@{ESP_START * 512}"
    out = raw.with_name("copied")
    run(["mcopy", "-n", "-o", "-i", image, f"::/{path}", out], timeout=20)
    return out.read_bytes()


@pytest.fixture(scope="module")
def root(raw: Path) -> Path:
    """The root file system alone."""
    path = raw.with_name("root")
    with raw.open("rb") as disk:
        disk.seek(ROOT_START * 512)
        path.write_bytes(disk.read(root_bytes(SIZE)))
    return path


def debugfs(root: Path, command: str) -> str:
    program = find_tool("debugfs") or "debugfs"
    return run([program, "-R", command, root], timeout=20).stdout


def test_the_disk_has_the_three_partitions(raw: Path) -> None:
    assert [(start, name) for start, name, _ in partitions(raw)] == [
        (BIOS_START, "bios"),
        (ESP_START, "esp"),
        (ROOT_START, "root"),
    ]


def test_the_boot_sector_leads_to_the_core_image_and_that_to_its_rest(raw: Path) -> None:
    with raw.open("rb") as disk:
        boot = disk.read(512)
        disk.seek(BIOS_START * 512)
        core = disk.read(512)
    assert struct.unpack_from("<Q", boot, 0x5C) == (BIOS_START,)
    assert boot[510:] == b"\x55\xaa"
    assert struct.unpack_from("<Q", core, 500) == (BIOS_START + 1,)


def test_the_firmware_finds_the_loader_and_that_its_configuration(raw: Path) -> None:
    found = on_esp(raw, "EFI/BOOT/BOOTX64.EFI")
    assert hashlib.sha256(found).digest() == hashlib.sha256(LOADER).digest()
    assert b'set root="$disk,gpt3"' in on_esp(raw, "EFI/debian/grub.cfg")


def test_a_disk_for_a_machine_without_bios_has_nothing_for_one(tmp_path: Path) -> None:
    raw = make(tmp_path, "aarch64")
    assert partitions(raw) == [
        (ESP_START, "esp", "C12A7328-F81F-11D2-BA4B-00C93EC93B7F"),
        (ROOT_START, "root", ROOT_TYPES["aarch64"]),
    ]
    assert raw.read_bytes()[:440] == bytes(440)
    assert b'set root="$disk,gpt2"' in on_esp(raw, "EFI/debian/grub.cfg")


def test_the_layout_of_each_architecture_is_another() -> None:
    assert len({layout(one, EXT4) for one in ROOT_TYPES}) == len(ROOT_TYPES)


def test_the_root_is_labelled_and_whole(root: Path) -> None:
    header = debugfs(root, "show_super_stats -h")
    assert "Filesystem volume name:   root\n" in header
    assert run([find_tool("e2fsck") or "e2fsck", "-fn", root], timeout=60).status == 0


def test_an_older_guest_can_read_the_root(root: Path) -> None:
    features = debugfs(root, "show_super_stats -h").split("Filesystem features:")[1].split("\n")[0]
    assert not {"orphan_file", "metadata_csum_seed", "casefold"} & set(features.split())


def test_owners_modes_and_links_of_the_tree_survive(root: Path) -> None:
    text = debugfs(root, "stat /etc/of-5")
    assert "User:     5   Group:     6" in text
    assert "Mode:  04750" in text
    assert 'Fast link dest: "boot/grub/grub.cfg"' in debugfs(root, "stat /link")
    assert "User:     0   Group:     0" in debugfs(root, "stat /etc")
    assert debugfs(root, "cat /boot/grub/grub.cfg") == GRUB_CONFIG


def test_nothing_in_between_is_left(raw: Path) -> None:
    assert not (raw.parent / "between" / "disk.raw").exists()


def test_a_disk_has_room_beyond_its_tree(tmp_path: Path) -> None:
    assert disk_size(tmp_path) == SMALLEST
    with (tmp_path / "large").open("wb") as stream:
        run(["fallocate", "-l", "2G", stream.name], timeout=20)
    assert disk_size(tmp_path) == 3 * 1024**3


def test_all_that_is_missing_is_named_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_missing("x86_64", EXT4) == {}
    monkeypatch.setattr(loaders, "find_tool", lambda name: None)
    missing = find_missing("x86_64", EXT4)
    assert missing["mcopy"] == "mtools"
    assert missing["grub-mkimage"].startswith("grub-common")
    assert "grub-mkimage" not in find_missing("aarch64", EXT4)
