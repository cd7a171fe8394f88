"""What makes a bootstrapped Arch Linux or CachyOS ours: packages, a few files, a few steps. Pure.

The keys by which the guest's pacman judges packages are made in the tree, and not at the first
boot, where an emulated guest would spend minutes on them, nor are they the host's, whose secret key
for its own trust would lie in every disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from charly_vm.disk.distros import pacstrap
from charly_vm.disk.distros.common import (
    ROOT_GROWS,
    list_files,
    render_growth,
    render_grub_config,
)
from charly_vm.disk.distros.pacman_conf import PacmanConf
from charly_vm.disk.file_systems import EXT4, FILE_SYSTEMS, FileSystem
from charly_vm.model.source import Bootstrap

BUILDER = "pacstrap"
ARCHITECTURE = "x86_64"


@dataclass(frozen=True, slots=True)
class Variety:
    """One distribution by pacman."""

    id: str
    """As os-release(5) has it."""
    title: str
    kernel: str
    """The package, and the end of its files' names below /boot."""
    packages: tuple[str, ...] = ()
    """What the others do not have."""


_ARCH = Variety("arch", "Arch Linux", "linux")
_CACHYOS = Variety(
    "cachyos",
    "CachyOS",
    "linux-cachyos",
    # The keys, and the lists of servers that its own pacman.conf includes.
    ("cachyos-keyring", "cachyos-mirrorlist", "cachyos-v3-mirrorlist", "cachyos-v4-mirrorlist"),
)
VARIETIES = {"arch": _ARCH, "archlinux": _ARCH, "cachyos": _CACHYOS}
"""By the names that `distro:` takes."""

_PACKAGES = (
    # what boots, beside the kernel; systemd-repart is a part of systemd
    "base", "mkinitcpio", "grub",
    # what answers
    "cloud-init", "cloud-guest-utils", "openssh", "qemu-guest-agent",
    # who logs in, and what the guest's packages come by
    "sudo", "curl", "tar",
)  # fmt: skip

SERVICES = (
    "sshd.service", "systemd-networkd.service", "systemd-resolved.service",
    "cloud-init-local.service", "cloud-config.service", "cloud-final.service",
    "qemu-guest-agent.service",
)  # fmt: skip
"""No package of Arch's enables its own."""
RENAMED = ("cloud-init.service", "cloud-init-main.service", "cloud-init-network.service")
"""cloud-init's stage with the network has had several names; all that are there are enabled."""

INITRAMFS = "etc/mkinitcpio.conf.d/charly.conf"

_DISK_DRIVERS = ("virtio_pci", "virtio_blk", "virtio_scsi", "sd_mod", "ahci", "nvme")
"""Of the disks that a virtual machine can have; an initramfs for every machine is far larger."""

_EFI_PREFIX = "/EFI/BOOT"
_EFI_MODULES = (
    "part_gpt", "fat", "regexp", "normal", "configfile", "search", "search_label",
    "search_fs_uuid", "linux", "boot", "all_video", "echo", "test", "minicmd", "ls", "cat",
)  # fmt: skip

FILES = {
    "etc/hosts": "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n",
    "etc/locale.conf": "LANG=C.UTF-8\n",
    "etc/cloud/cloud.cfg.d/90_charly.cfg": """\
# A list on one line: ds-identify is a shell script and reads no other.
datasource_list: [NoCloud, None]
manage_etc_hosts: localhost
# The one locale that needs no generating is there already; `locale:` in the documents comes first.
locale: false
system_info:
  network:
    renderers: [networkd]
""",
}
"""By path, below the root."""


@dataclass(frozen=True, slots=True)
class Arch:
    """One bootstrapped Arch Linux or kin: a `TreeRecipe`."""

    variety: Variety
    packages: tuple[str, ...]
    file_system: FileSystem = EXT4
    root_size: int = 0
    """Bytes beyond which the root partition does not grow; 0 for the whole disk."""
    kernel_args: str = ""
    """What the kernel gets after our own, in a shell's notation."""
    repositories: PacmanConf | None = None
    """Where the packages are; None until somebody asks the host, which only building does."""

    @property
    def title(self) -> str:
        return self.variety.title

    @property
    def builder(self) -> str:
        return BUILDER

    @property
    def programs(self) -> Mapping[str, str]:
        return {
            BUILDER: "arch-install-scripts",
            "pacman": "pacman-package-manager (Fedora, Arch: pacman)",
        }

    @property
    def efi(self) -> Mapping[str, str]:
        return {f"EFI/BOOT/{pacstrap.EFI_LOADER}": pacstrap.EFI_LOADER}

    @property
    def efi_config(self) -> str:
        return f"{_EFI_PREFIX.lstrip('/')}/grub.cfg"

    @property
    def files(self) -> dict[str, str]:
        kernel = self.variety.kernel
        config = render_grub_config(
            f"/boot/vmlinuz-{kernel}",
            f"/boot/initramfs-{kernel}.img",
            kernel_args=self.kernel_args,
        )
        # The question mark: some kernels have it built in.
        modules = " ".join(f"'{name}?'" for name in (*_DISK_DRIVERS, self.file_system.name))
        return {
            **(self.repositories.for_guest if self.repositories else {}),
            "boot/grub/grub.cfg": config,
            "etc/fstab": self.file_system.fstab,
            INITRAMFS: f"MODULES=({modules})\nHOOKS=(base udev modconf)\n",
            **FILES,
            ROOT_GROWS: render_growth(self.root_size),
        }

    @property
    def ingredients(self) -> tuple[str, ...]:
        written = self.files | (self.repositories.essence if self.repositories else {})
        files = list_files(written)
        efi = list_files(self.efi)
        return (*self.render_argv(), *files, *efi, self.efi_config)

    def with_repositories(self, repositories: PacmanConf) -> Arch:
        return replace(self, repositories=repositories)

    def render_argv(self) -> list[str]:
        kernel = self.variety.kernel
        script = pacstrap.render_script(
            config=self.repositories.for_builder if self.repositories else "",
            packages=self.packages,
            early=(INITRAMFS,),
            booted=(f"boot/vmlinuz-{kernel}", f"boot/initramfs-{kernel}.img"),
            services=SERVICES,
            renamed=RENAMED,
            efi_prefix=_EFI_PREFIX,
            efi_modules=(*_EFI_MODULES, self.file_system.grub),
        )
        return ["sh", "-euc", script]

    def find_unmade(self, source: Bootstrap) -> list[str]:
        unmade = []
        if source.bootstrap_arch not in (None, ARCHITECTURE):
            unmade.append(f"bootstrap_arch: {source.bootstrap_arch} (it is {ARCHITECTURE})")
        if source.bootstrap_variant is not None:
            unmade.append(
                f"bootstrap_variant: {source.bootstrap_variant} ({BUILDER} has no variants)"
            )
        return unmade


def find_arch(source: Bootstrap, machine: str, *, root_size: int = 0) -> Arch | None:
    """The Arch that a source and an architecture (as `uname -m` says it) ask for, or None."""
    variety = VARIETIES.get(source.distro)
    if variety is None or machine != ARCHITECTURE or source.builder != BUILDER:
        return None
    file_system = FILE_SYSTEMS[source.rootfs or "ext4"]
    ours = (variety.kernel, *variety.packages, *_PACKAGES, file_system.tools)
    return Arch(
        variety=variety,
        packages=tuple(dict.fromkeys((*ours, *source.package))),
        file_system=file_system,
        root_size=root_size or source.root_size or 0,
        kernel_args=source.kernel_args or "",
    )
