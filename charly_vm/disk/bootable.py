"""A tree of files becomes a disk that boots under BIOS and UEFI, without mounting anything.

    sector 2048   BIOS boot partition   GRUB's core.img; on disks for PCs alone
    sector 4096   EFI system partition  what UEFI boots
    sector 36864  root                  labelled `root`, to the end of the disk

The root is last, so that it can grow with the disk. Its own `/boot/grub/grub.cfg` says what boots.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from charly_vm.disk import loaders, root_fs
from charly_vm.disk.file_systems import FileSystem
from charly_vm.disk.grub import SECTOR
from charly_vm.disk.loaders import write_bios_loader, write_efi_loader
from charly_vm.disk.qcow2 import convert_to_qcow2
from charly_vm.disk.sandbox import sandboxed
from charly_vm.host.files import explain_os_errors
from charly_vm.host.process import find_tool, require_tool, run

BIOS_START, BIOS_SECTORS = 2048, 2048
ESP_START, ESP_SECTORS = 4096, 32768
ROOT_START = ESP_START + ESP_SECTORS

ROOT_TYPES = {
    "x86_64": "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709",
    "aarch64": "B921B045-1DF0-41C3-AF44-4C6F280D3FAE",
}
"""GPT's type of a root partition by the architecture of what is in it; systemd grows no other."""
_HAVE_BIOS = ("x86_64",)

SMALLEST = 2 * 1024**3
"""Bytes of a disk with a small tree."""
_SLACK = 512 * 1024**2
"""Room that a disk has beyond its tree, before it grows."""
_GIBIBYTE = 1024**3

_BACKUP_TABLE_SECTORS = 34
"""GPT's copy of the table at the end of the disk, rounded up."""
_BLOCK = 4096

_PROGRAMS = {
    "sfdisk": "fdisk (Fedora, Arch: util-linux)",
    "qemu-img": "qemu-utils (Fedora, Arch: qemu-img)",
}


def find_missing(architecture: str, file_system: FileSystem) -> dict[str, str]:
    """The programs that making a disk needs and the host lacks, each with its package."""
    missing = {name: package for name, package in _PROGRAMS.items() if find_tool(name) is None}
    missing |= root_fs.find_missing(file_system)
    return missing | loaders.find_missing(bios=architecture in _HAVE_BIOS)


def root_partition(architecture: str) -> int:
    """The root partition's number."""
    return 3 if architecture in _HAVE_BIOS else 2


def render_partition_table(size: int, architecture: str) -> str:
    """The input of sfdisk for a disk of `size` bytes."""
    bios = (
        f"start={BIOS_START}, size={BIOS_SECTORS}, type=21686148-6449-6E6F-744E-656564454649, "
        "name=bios\n"
    )
    return f"""\
label: gpt
{bios if architecture in _HAVE_BIOS else ""}\
start={ESP_START}, size={ESP_SECTORS}, type=C12A7328-F81F-11D2-BA4B-00C93EC93B7F, name=esp
start={ROOT_START}, size={root_bytes(size) // SECTOR}, type={ROOT_TYPES[architecture]}, name=root
"""


def layout(architecture: str, file_system: FileSystem) -> str:
    """All that determines a disk besides its size and its files, for a recipe."""
    return "\n".join(
        (
            render_partition_table(SMALLEST, architecture),
            *root_fs.ingredients(file_system),
            loaders.prefix(root_partition(architecture)),
            loaders.EFI_CONFIG,
            *loaders.MODULES,
            file_system.grub,
        )
    )


def root_bytes(size: int) -> int:
    """Bytes of the root partition on a disk of `size` bytes, in whole file system blocks."""
    room = size - (ROOT_START + _BACKUP_TABLE_SECTORS) * SECTOR
    return room // _BLOCK * _BLOCK


def disk_size(tree: Path) -> int:
    """Bytes of the disk for a tree: the smallest, or whole GiB with some room left."""
    done = run(sandboxed(["du", "-s", "--block-size=1", tree]), what="measuring", timeout=120)
    wanted = int(done.stdout.split()[0]) * 11 // 10 + _SLACK
    return max(SMALLEST, -(-wanted // _GIBIBYTE) * _GIBIBYTE)


def make_bootable_disk(
    tree: Path,
    out: Path,
    *,
    architecture: str,
    file_system: FileSystem,
    efi_config: str,
    efi: Mapping[str, Path],
    size: int,
    workspace: Path,
) -> None:
    """Write `tree` to a new qcow2 of `size` bytes at `out`.

    `tree` was made by `sandboxed` commands. `efi` are the files of the EFI system partition by
    their paths in it; at `efi_config` comes GRUB's way to its configuration. `workspace` is an
    empty directory for what is in between, up to the size of the tree.
    """
    root = root_partition(architecture)
    raw = workspace / "disk.raw"
    with explain_os_errors(f"write {raw}"), raw.open("wb") as disk:
        disk.truncate(size)
    table = render_partition_table(size, architecture)
    sfdisk = require_tool("sfdisk", package=_PROGRAMS["sfdisk"])
    run([sfdisk, "--quiet", raw], stdin=table, timeout=60)
    root_start, root_size = ROOT_START * SECTOR, root_bytes(size)
    root_fs.write_root(file_system, tree, raw, workspace, start=root_start, size=root_size)
    if architecture in _HAVE_BIOS:
        write_bios_loader(
            raw, workspace, start=BIOS_START, sectors=BIOS_SECTORS, root=root,
            module=file_system.grub,
        )  # fmt: skip
    write_efi_loader(
        raw, workspace, efi, config_path=efi_config, start=ESP_START, sectors=ESP_SECTORS,
        root=root,
    )  # fmt: skip
    convert_to_qcow2(raw, out, source_format="raw")
    with explain_os_errors(f"remove {raw}"):
        raw.unlink()
