"""What boots a disk that is not mounted: GRUB for BIOS, and the files of an EFI system partition.

For BIOS it is made of the host's own GRUB. For UEFI it comes ready from the guest's distribution,
whose signature Secure Boot asks for; where it looks for its configuration is built into it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from charly_vm.disk.grub import SECTOR, render_boot_sector, render_core_image
from charly_vm.host.files import explain_os_errors
from charly_vm.host.process import find_tool, run

_BOOT_IMAGE = Path("/usr/lib/grub/i386-pc/boot.img")
_BOOT_IMAGE_PACKAGE = "grub-pc-bin (Fedora: grub2-pc-modules, Arch: grub)"
_PROGRAMS = {"mformat": "mtools", "mcopy": "mtools"}

MODULES = (
    "part_gpt", "linux", "linux16", "normal", "configfile", "all_video", "boot", "echo", "test",
    "search", "search_label", "search_fs_uuid", "minicmd", "ls", "cat", "serial", "terminal",
    "biosdisk",
)  # fmt: skip

EFI_CONFIG = """\
# The disk that this was loaded from, and no other of the same labels and UUIDs, such as another
# overlay of the same base.
regexp --set=1:disk '^([^,]*)' "$root"
set root="$disk,gpt{partition}"
set prefix="($root)/boot/grub"
configfile "$prefix/grub.cfg"
"""


def find_missing(*, bios: bool) -> dict[str, str]:
    """What this module needs and the host lacks, each with its package."""
    missing = {name: package for name, package in _PROGRAMS.items() if find_tool(name) is None}
    if bios and _find_mkimage() is None:
        missing["grub-mkimage"] = "grub-common (Fedora: grub2-tools, Arch: grub)"
    if bios and not _BOOT_IMAGE.exists():
        missing[str(_BOOT_IMAGE)] = _BOOT_IMAGE_PACKAGE
    return missing


def prefix(partition: int) -> str:
    """Where GRUB reads its configuration under BIOS, on the partition of this number.

    It names no disk, and GRUB puts the one it was loaded from in front: a second disk with the same
    labels and UUIDs is not mistaken for it.
    """
    return f"(,gpt{partition})/boot/grub"


def write_bios_loader(
    raw: Path, workspace: Path, *, start: int, sectors: int, root: int, module: str
) -> None:
    """Put GRUB into the boot sector of the raw disk and the partition at sector `start`.

    `root` is the number of the partition with GRUB's configuration, and `module` what reads it.
    """
    core = workspace / "core.img"
    program = _find_mkimage() or "grub-mkimage"
    run(
        [program, "-O", "i386-pc", "-o", core, "-p", prefix(root), *MODULES, module],
        what="making the boot loader",
        timeout=60,
    )
    with explain_os_errors(f"write {raw}"):
        core_image = render_core_image(core.read_bytes(), start, room=sectors * SECTOR)
        with raw.open("r+b") as disk:
            first = disk.read(SECTOR)
            disk.seek(0)
            disk.write(render_boot_sector(_BOOT_IMAGE.read_bytes(), first, start))
            disk.seek(start * SECTOR)
            disk.write(core_image)


def write_efi_loader(
    raw: Path,
    workspace: Path,
    files: Mapping[str, Path],
    *,
    config_path: str,
    start: int,
    sectors: int,
    root: int,
) -> None:
    """Make a FAT file system at sector `start` with these files, by their paths in it.

    `root` is the number of the partition with GRUB's configuration, and `config_path` where what
    is booted looks for the way to it.
    """
    esp = workspace / "esp"
    with explain_os_errors(f"write {esp}"):
        for name, source in files.items():
            path = esp / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(source.read_bytes())
        config = esp / config_path
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(EFI_CONFIG.format(partition=root))
    # mtools' way to say: the file system that begins at this byte of the disk.
    image = f"{raw}@@{start * SECTOR}"
    commands: tuple[list[str | Path], ...] = (
        ["mformat", "-i", image, "-T", str(sectors), "-h", "64", "-s", "32", "-v", "ESP", "::"],
        ["mcopy", "-i", image, "-s", esp / "EFI", "::/"],
    )
    for words in commands:
        run(words, timeout=60, what="making the EFI system partition")


def _find_mkimage() -> Path | None:
    return find_tool("grub-mkimage") or find_tool("grub2-mkimage")
