"""What the things that the engine needs are called in the repositories of distributions."""

from __future__ import annotations

from charly_vm.host.package_manager import PackageNames

EMULATORS = {
    "x86_64": PackageNames("qemu-system-x86", "qemu-system-x86", "qemu-system-x86"),
    "aarch64": PackageNames("qemu-system-arm", "qemu-system-aarch64", "qemu-system-aarch64"),
    "riscv64": PackageNames("qemu-system-misc", "qemu-system-riscv", "qemu-system-riscv"),
}
FIRMWARE = {
    "x86_64": PackageNames("ovmf", "edk2-ovmf", "edk2-ovmf"),
    "aarch64": PackageNames("qemu-efi-aarch64", "edk2-aarch64", "edk2-aarch64"),
    "riscv64": PackageNames("qemu-efi-riscv64", "edk2-riscv64", "edk2-riscv64"),
}
IMAGE_TOOLS = PackageNames("qemu-utils", "qemu-img", "qemu-img")
PASST = PackageNames("passt", "passt", "passt")
VIRSH = PackageNames("libvirt-clients", "libvirt-client", "libvirt")
VIRTIOFSD = PackageNames("virtiofsd", "virtiofsd", "virtiofsd")
SWTPM = PackageNames("swtpm", "swtpm", "swtpm")
TESSERACT = PackageNames(
    "tesseract-ocr", "tesseract tesseract-langpack-eng", "tesseract tesseract-data-eng"
)
SSH = PackageNames("openssh-client", "openssh-clients", "openssh")
BOOTSTRAP = {
    "mmdebstrap": PackageNames("mmdebstrap", "mmdebstrap", ""),
    "debootstrap": PackageNames("debootstrap", "debootstrap", "debootstrap"),
    "pacstrap": PackageNames(
        "arch-install-scripts", "arch-install-scripts", "arch-install-scripts"
    ),
    "pacman": PackageNames("pacman-package-manager", "pacman", "pacman"),
    "dnf": PackageNames("dnf", "dnf", "dnf"),
    "podman": PackageNames("podman", "podman", "podman"),
    "sfdisk": PackageNames("fdisk", "util-linux", "util-linux"),
    "mke2fs": PackageNames("e2fsprogs", "e2fsprogs", "e2fsprogs"),
    "mkfs.xfs": PackageNames("xfsprogs", "xfsprogs", "xfsprogs"),
    "mkfs.btrfs": PackageNames("btrfs-progs", "btrfs-progs", "btrfs-progs"),
    "setpriv": PackageNames("util-linux", "util-linux", "util-linux"),
    "mcopy": PackageNames("mtools", "mtools", "mtools"),
    "grub-mkimage": PackageNames(
        "grub-common grub-pc-bin grub-efi-amd64-bin",
        "grub2-tools grub2-pc-modules grub2-efi-x64-modules",
        "grub",
    ),
    "newuidmap": PackageNames("uidmap", "shadow-utils", "shadow"),
}
RED_HAT_NAMES = {"grub-mkimage": "grub2-mkimage"}
"""Programs that have another name there."""
