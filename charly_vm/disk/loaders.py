"""GRUB, twice, on a disk that is not mounted: for BIOS in a partition of its own, for UEFI."""

from __future__ import annotations

from pathlib import Path

from charly_vm.disk.grub import SECTOR, render_boot_sector, render_core_image
from charly_vm.host.files import explain_os_errors
from charly_vm.host.process import find_tool, run

_DIRECTORY = Path("/usr/lib/grub")
_BIOS, _EFI = "i386-pc", "x86_64-efi"
_FILES = {
    _DIRECTORY / _BIOS / "boot.img": "grub-pc-bin (Fedora: grub2-pc-modules, Arch: grub)",
    _DIRECTORY / _EFI / "kernel.img": "grub-efi-amd64-bin (Fedora: grub2-efi-x64-modules, "
    "Arch: grub)",
}
_PROGRAMS = {"mformat": "mtools", "mmd": "mtools", "mcopy": "mtools"}

PREFIX = "(,gpt3)/boot/grub"
"""Where GRUB reads its configuration. It names no disk, and GRUB puts the one it was loaded from in
front: a second disk with the same labels and UUIDs, such as another overlay of the same base, is
not mistaken for it."""

MODULES = (
    "part_gpt", "ext2", "linux", "normal", "configfile", "all_video", "boot", "echo", "test",
    "search", "search_label", "search_fs_uuid", "minicmd", "ls", "cat", "serial", "terminal",
)  # fmt: skip


def find_missing() -> dict[str, str]:
    """What this module needs and the host lacks, each with its package."""
    missing = {name: package for name, package in _PROGRAMS.items() if find_tool(name) is None}
    if _find_mkimage() is None:
        missing["grub-mkimage"] = "grub-common (Fedora: grub2-tools, Arch: grub)"
    return missing | {str(path): package for path, package in _FILES.items() if not path.exists()}


def write_bios_loader(raw: Path, workspace: Path, *, start: int, sectors: int) -> None:
    """Put GRUB into the boot sector of the raw disk and the partition at sector `start`."""
    core = workspace / "core.img"
    _make_image(_BIOS, core, ("biosdisk",))
    with explain_os_errors(f"write {raw}"):
        boot_image = (_DIRECTORY / _BIOS / "boot.img").read_bytes()
        core_image = render_core_image(core.read_bytes(), start, room=sectors * SECTOR)
        with raw.open("r+b") as disk:
            first = disk.read(SECTOR)
            disk.seek(0)
            disk.write(render_boot_sector(boot_image, first, start))
            disk.seek(start * SECTOR)
            disk.write(core_image)


def write_efi_loader(raw: Path, workspace: Path, *, start: int, sectors: int) -> None:
    """Make a FAT file system at sector `start` with GRUB where every firmware looks."""
    loader = workspace / "BOOTX64.EFI"
    _make_image(_EFI, loader, ("fat", "efi_gop"))
    # mtools' way to say: the file system that begins at this byte of the disk.
    esp = f"{raw}@@{start * SECTOR}"
    commands: tuple[list[str | Path], ...] = (
        ["mformat", "-i", esp, "-T", str(sectors), "-h", "64", "-s", "32", "-v", "ESP", "::"],
        ["mmd", "-i", esp, "::/EFI", "::/EFI/BOOT"],
        ["mcopy", "-i", esp, loader, "::/EFI/BOOT/BOOTX64.EFI"],
    )
    for words in commands:
        run(words, timeout=60, what="making the EFI system partition")


def _find_mkimage() -> Path | None:
    return find_tool("grub-mkimage") or find_tool("grub2-mkimage")


def _make_image(target: str, out: Path, modules: tuple[str, ...]) -> None:
    program = _find_mkimage() or "grub-mkimage"
    run(
        [program, "-O", target, "-o", out, "-p", PREFIX, *MODULES, *modules],
        what="making the boot loader",
        timeout=60,
    )
