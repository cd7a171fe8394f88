"""The tiny guest's disk: an MBR with an ext4 partition, and an EFI system partition behind it.

GRUB boots it, from the gap in front of the first partition under BIOS, and under UEFI as the signed
binary of Debian's packages, which also passes Secure Boot.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

from charly_vm.disk.grub import SECTOR, render_boot_sector, render_core_image
from charly_vm.host.process import find_tool, require_tool, run

ROOT_START, ROOT_SECTORS = 2048, 126976
ESP_START, ESP_SECTORS = ROOT_START + ROOT_SECTORS, 32768


def write_disk(raw: Path, files: Path, esp: Mapping[str, bytes], *, grub: str, bios: bool) -> None:
    """Write a raw disk with the files of a directory and those of the EFI partition, by path.

    `grub` are GRUB's commands with `($disk,msdos1)` for the partition that has the files, and with
    `linux$bits` and `initrd$bits`, which are the quick ones under BIOS.
    """
    work = raw.parent
    with raw.open("wb") as disk:
        disk.truncate((ESP_START + ESP_SECTORS) * SECTOR)
    _write_root(raw, files)
    _write_esp(
        raw,
        work / "esp",
        # The partition that GRUB was loaded from is the root, as in `hd0,msdos2`.
        {**esp, "EFI/debian/grub.cfg": f'regexp --set=1:disk "^([^,]*)" "$root"\n{grub}'.encode()},
    )
    gap = _make_bios_loader(work, f"set disk=hd0\nset bits=16\n{grub}") if bios else b""
    table = _render_table(bootable=bios)
    with raw.open("r+b") as disk:
        if bios:
            boot_image = Path("/usr/lib/grub/i386-pc/boot.img").read_bytes()
            disk.write(render_boot_sector(boot_image, table, 1))
            disk.write(render_core_image(gap, 1, room=(ROOT_START - 1) * SECTOR))
        else:
            disk.write(table)


def _render_table(*, bootable: bool) -> bytes:
    entries = (
        struct.pack("<B3xB3xII", 0x80 if bootable else 0, 0x83, ROOT_START, ROOT_SECTORS),
        struct.pack("<B3xB3xII", 0, 0xEF, ESP_START, ESP_SECTORS),
    )
    return (bytes(446) + b"".join(entries)).ljust(510, b"\0") + b"\x55\xaa"


def _write_root(raw: Path, files: Path) -> None:
    mke2fs = require_tool("mke2fs", package="e2fsprogs")
    options = f"offset={ROOT_START * SECTOR},root_owner=0:0"
    # The features that every GRUB and kernel of the last ten years reads, and large blocks, since
    # GRUB looks up each of them by itself.
    run(
        [mke2fs, "-q", "-F", "-t", "ext4", "-b", "4096",
         "-O", "^metadata_csum_seed,^orphan_file", "-E", options,
         "-d", files, raw, f"{ROOT_SECTORS // 2}k"],
        timeout=60,
    )  # fmt: skip


def _write_esp(raw: Path, work: Path, files: Mapping[str, bytes]) -> None:
    image = f"{raw}@@{ESP_START * SECTOR}"
    run(["mformat", "-i", image, "-T", str(ESP_SECTORS), "-h", "64", "-s", "32", "::"], timeout=20)
    for name, content in files.items():
        path = work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    run(["mcopy", "-s", "-i", image, *sorted(work.iterdir()), "::/"], timeout=20)


def _make_bios_loader(work: Path, commands: str) -> bytes:
    config, core = work / "grub.cfg", work / "core.img"
    config.write_text(commands)
    mkimage = find_tool("grub-mkimage") or require_tool("grub2-mkimage", package="grub-pc-bin")
    run(
        [mkimage, "-O", "i386-pc", "-o", core, "-p", "(hd0,msdos1)/", "-c", config,
         "biosdisk", "part_msdos", "ext2", "linux16", "boot"],
        timeout=60,
    )  # fmt: skip
    return core.read_bytes()
