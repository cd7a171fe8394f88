"""What makes a bootstrapped Fedora or one of its kin ours: packages, a few files, a few steps.
Pure.

NetworkManager brings up the network, since it is what all of them have and their cloud-init drives.
SELinux is off: an ordinary user's namespace cannot write its labels, and a first boot that wrote
them would take minutes and a second boot.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from charly_vm.disk.distros import dnf_installroot
from charly_vm.disk.distros.common import (
    ROOT_GROWS,
    list_files,
    render_growth,
    render_grub_config,
)
from charly_vm.disk.distros.dnf_installroot import KERNEL_PLUGIN
from charly_vm.disk.file_systems import BTRFS, EXT4, FILE_SYSTEMS, FileSystem
from charly_vm.model.source import Bootstrap

BUILDER = "dnf"
ARCHITECTURE = "x86_64"


@dataclass(frozen=True, slots=True)
class Member:
    """One distribution of the family."""

    id: str
    """As os-release(5) has it, and the vendor's directory on an EFI system partition."""
    title: str
    oldest: int
    """The first release that this recipe serves."""
    packages: tuple[str, ...]
    """What the others do not have."""
    is_enterprise: bool = True
    """Built of what Red Hat Enterprise Linux is."""


MEMBERS = {
    "fedora": Member(
        "fedora",
        "Fedora",
        36,
        # Only here does it have the say over resolv.conf.
        ("fedora-release-cloud", "systemd-resolved"),
        is_enterprise=False,
    ),
    "centos-stream": Member("centos", "CentOS Stream", 9, ("centos-stream-release",)),
    "rocky": Member("rocky", "Rocky Linux", 9, ("rocky-release",)),
    "almalinux": Member("almalinux", "AlmaLinux", 9, ("almalinux-release",)),
}
"""By what stands before the release in `distro:`."""

_DISTRO = re.compile(rf"({'|'.join(MEMBERS)})-([1-9][0-9]*)")

_PACKAGES = (
    # what boots; the loaders' packages bring what UEFI starts
    "kernel-core", "dracut", "lz4", "systemd", "systemd-udev", "grub2-efi-x64", "shim-x64",
    # the network
    "NetworkManager", "iproute", "iputils", "ca-certificates",
    # what answers
    "cloud-init", "cloud-utils-growpart", "openssh-server", "qemu-guest-agent", "hostname",
    # who logs in; a path where releases differ in the package that has it
    "sudo", "shadow-utils", "/usr/bin/passwd", "procps-ng", "glibc-minimal-langpack",
    # what the guest's packages come by
    "dnf", "rpm", "/usr/bin/curl", "tar",
)  # fmt: skip

SERVICES = (
    "NetworkManager.service", "systemd-resolved.service", "sshd.service",
    "qemu-guest-agent.service", "cloud-init-local.service", "cloud-init.service",
    "cloud-init-main.service", "cloud-init-network.service", "cloud-config.service",
    "cloud-final.service",
)  # fmt: skip
"""Enabled where they are there: cloud-init's have had several names."""
TIMERS = ("dnf-makecache.timer", "dnf5-makecache.timer")
"""Disabled: they take dnf's lock at a moment of their own, and a test's installation waits."""

_DRACUT = """\
# Not what the host that builds the disk has, but what a virtual machine can have.
hostonly="no"
add_drivers+=" {drivers} "
# An emulated guest unpacks it several times faster than what is smaller.
compress="lz4"
"""
_DISK_DRIVERS = ("virtio_pci", "virtio_blk", "virtio_scsi", "sd_mod", "ahci", "nvme")

FILES = {
    # The one locale of glibc-minimal-langpack.
    "etc/locale.conf": "LANG=C.UTF-8\n",
    "etc/selinux/config": "SELINUX=disabled\nSELINUXTYPE=targeted\n",
    # No entries for the Boot Loader Specification, which nothing here reads.
    "etc/kernel/install.conf": "layout=other\ninitrd_generator=dracut\n",
    "etc/cloud/cloud.cfg.d/90_charly.cfg": """\
# A list on one line: ds-identify is a shell script and reads no other.
datasource_list: [NoCloud, None]
manage_etc_hosts: localhost
locale: C.UTF-8
system_info:
  network:
    renderers: [network-manager]
""",
    KERNEL_PLUGIN: dnf_installroot.KERNEL_PLUGIN_TEXT,
}
"""By path, below the root."""


@dataclass(frozen=True, slots=True)
class Repositories:
    """A directory with files ending in `.repo`, which dnf reads for itself, and their texts by
    name."""

    directory: Path
    texts: Mapping[str, str]


_UNKNOWN = Repositories(Path("/nowhere"), {})


@dataclass(frozen=True, slots=True)
class Fedora:
    """One bootstrapped Fedora or kin: a `TreeRecipe`."""

    distribution: str
    """As in `distro:`."""
    member: Member
    release: int
    packages: tuple[str, ...]
    file_system: FileSystem = EXT4
    root_size: int = 0
    """Bytes beyond which the root partition does not grow; 0 for the whole disk."""
    kernel_args: str = ""
    """What the kernel gets after our own, in a shell's notation."""
    repositories: Repositories = _UNKNOWN
    """Where the packages are; none until somebody asks the host, which only building does."""

    @property
    def title(self) -> str:
        return f"{self.member.title} {self.release}"

    @property
    def builder(self) -> str:
        return BUILDER

    @property
    def programs(self) -> Mapping[str, str]:
        return {BUILDER: "dnf"}

    @property
    def efi(self) -> Mapping[str, str]:
        # The firmware starts the first by its name, and that the second by its own.
        return {
            "EFI/BOOT/BOOTX64.EFI": dnf_installroot.SHIM,
            "EFI/BOOT/grubx64.efi": dnf_installroot.GRUB,
        }

    @property
    def efi_config(self) -> str:
        # Built into the vendor's signed GRUB.
        return f"EFI/{self.member.id}/grub.cfg"

    @property
    def files(self) -> dict[str, str]:
        # The links follow the newest kernel.
        config = render_grub_config(
            "/boot/vmlinuz", "/boot/initramfs.img", kernel_args=self.kernel_args
        )
        drivers = " ".join((*_DISK_DRIVERS, self.file_system.name))
        return {
            "boot/grub/grub.cfg": config,
            "etc/dracut.conf.d/charly.conf": _DRACUT.format(drivers=drivers),
            "etc/fstab": self.file_system.fstab,
            **FILES,
            ROOT_GROWS: render_growth(self.root_size),
        }

    @property
    def ingredients(self) -> tuple[str, ...]:
        files = list_files(self.files)
        efi = list_files(self.efi)
        texts = (f"{name}\n{text}" for name, text in sorted(self.repositories.texts.items()))
        # Not where the repositories' files are: the same files give the same disk.
        return (self._script, *files, *efi, self.efi_config, *texts)

    def with_repositories(self, repositories: Repositories) -> Fedora:
        return replace(self, repositories=repositories)

    def render_argv(self) -> list[str]:
        return ["sh", "-euc", self._script, "sh", str(self.repositories.directory)]

    def find_unmade(self, source: Bootstrap) -> list[str]:
        unmade = []
        if source.bootstrap_arch not in (None, ARCHITECTURE):
            unmade.append(f"bootstrap_arch: {source.bootstrap_arch} (it is {ARCHITECTURE})")
        if source.bootstrap_variant is not None:
            unmade.append(
                f"bootstrap_variant: {source.bootstrap_variant} ({BUILDER} has no variants)"
            )
        if self.member.is_enterprise and self.file_system is BTRFS:
            unmade.append(f"rootfs: btrfs (the kernel of {self.title} cannot mount it)")
        return unmade

    @property
    def _script(self) -> str:
        # Where the guest's own rpm looks: Red Hat's moved it in 10, Fedora in 36.
        moved = not self.member.is_enterprise or self.release >= 10
        return dnf_installroot.render_script(
            release=str(self.release),
            architecture=ARCHITECTURE,
            database="/usr/lib/sysimage/rpm" if moved else "/var/lib/rpm",
            vendor=self.member.id,
            packages=self.packages,
            services=SERVICES,
            timers=TIMERS,
            is_capped=bool(self.root_size),
        )


def find_fedora(source: Bootstrap, machine: str, *, root_size: int = 0) -> Fedora | None:
    """What a source and an architecture (as `uname -m` says it) ask for of this family, or None."""
    named = _DISTRO.fullmatch(source.distro)
    if named is None or machine != ARCHITECTURE or source.builder != BUILDER:
        return None
    member, release = MEMBERS[named[1]], int(named[2])
    if release < member.oldest:
        return None
    file_system = FILE_SYSTEMS[source.rootfs or "ext4"]
    ours = (*_PACKAGES, *member.packages, file_system.tools)
    return Fedora(
        distribution=source.distro,
        member=member,
        release=release,
        packages=tuple(dict.fromkeys((*ours, *source.package))),
        file_system=file_system,
        root_size=root_size or source.root_size or 0,
        kernel_args=source.kernel_args or "",
    )
