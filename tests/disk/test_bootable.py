"""A small tree as a disk, looked at with other tools than those that made it."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from charly_vm.disk import loaders
from charly_vm.disk.bootable import (
    BIOS_START,
    ESP_START,
    ROOT_START,
    SMALLEST,
    disk_size,
    find_missing,
    make_bootable_disk,
    root_bytes,
)
from charly_vm.disk.sandbox import sandboxed
from charly_vm.host.process import find_tool, run

SIZE = 64 * 1024**2
GRUB_CONFIG = "set timeout=0\nboot\n"


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The disk of a tree with one file of another owner, as a raw file."""
    work = tmp_path_factory.mktemp("bootable")
    script = (
        "mkdir -p tree/boot/grub tree/etc && cd tree && touch etc/of-5 && chown 5:6 etc/of-5 && "
        "chmod 4750 etc/of-5 && ln -s boot/grub/grub.cfg link"
    )
    run(sandboxed(["sh", "-c", script]), timeout=20, cwd=work)
    (work / "tree" / "boot" / "grub" / "grub.cfg").write_text(GRUB_CONFIG)
    (work / "between").mkdir()
    disk = work / "disk.qcow2"
    make_bootable_disk(work / "tree", disk, size=SIZE, workspace=work / "between")
    run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", disk, work / "raw"], timeout=60)
    return work / "raw"


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
    program = find_tool("sfdisk") or "sfdisk"
    table = json.loads(run([program, "--json", raw], timeout=20).stdout)["partitiontable"]
    assert table["label"] == "gpt"
    assert [(one["start"], one["name"]) for one in table["partitions"]] == [
        (BIOS_START, "bios"),
        (ESP_START, "esp"),
        (ROOT_START, "root"),
    ]
    assert run([program, "--verify", raw], timeout=20).stdout.count("No errors detected.")


def test_the_boot_sector_leads_to_the_core_image_and_that_to_its_rest(raw: Path) -> None:
    with raw.open("rb") as disk:
        boot = disk.read(512)
        disk.seek(BIOS_START * 512)
        core = disk.read(512)
    assert struct.unpack_from("<Q", boot, 0x5C) == (BIOS_START,)
    assert boot[510:] == b"\x55\xaa"
    assert struct.unpack_from("<Q", core, 500) == (BIOS_START + 1,)


def test_the_firmware_finds_a_loader_on_the_efi_partition(raw: Path) -> None:
    esp = f"{raw}@@{ESP_START * 512}"
    assert "BOOTX64  EFI" in run(["mdir", "-i", esp, "::/EFI/BOOT"], timeout=20).stdout
    loader = run(["mtype", "-i", esp, "::/EFI/BOOT/BOOTX64.EFI"], timeout=20).stdout
    assert loader.startswith("MZ")


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
    assert find_missing() == {}
    monkeypatch.setattr(loaders, "find_tool", lambda name: None)
    missing = find_missing()
    assert missing["mcopy"] == "mtools"
    assert missing["grub-mkimage"].startswith("grub-common")
