"""What makes a bootstrapped Debian ours: its packages, a few files, a few steps. Pure.

A normal Debian otherwise. Where it could be had for little, it boots faster than one, since every
instruction of a boot counts when the host has to emulate the guest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from charly_vm.disk.distros import debootstrap
from charly_vm.disk.distros.common import (
    ROOT_GROWS,
    list_files,
    render_growth,
    render_grub_config,
)
from charly_vm.disk.distros.debian_ports import PORTS, Port
from charly_vm.disk.distros.tree_recipe import FILES_VARIABLE, LOADERS_VARIABLE, TREE_VARIABLE
from charly_vm.disk.file_systems import EXT4, FILE_SYSTEMS, FileSystem
from charly_vm.model.source import Bootstrap

SUITES = {"debian-12": "bookworm", "debian-13": "trixie"}
"""By the names that `distro:` takes."""

BUILDERS = ("mmdebstrap", "debootstrap")

_MMDEBSTRAP_VARIANTS = (
    "essential", "apt", "required", "minbase", "buildd", "important", "debootstrap", "-",
    "standard",
)  # fmt: skip
"""mmdebstrap's choices of packages that make a whole system; mmdebstrap(1)."""
VARIANTS = {"mmdebstrap": _MMDEBSTRAP_VARIANTS, "debootstrap": debootstrap.VARIANTS}

_PACKAGES = (
    # what boots, beside the kernel
    "initramfs-tools", "lz4", "systemd-sysv", "udev", "kmod", "dbus", "e2fsprogs",
    # the network: networkd, since cloud-init can drive it and it needs no shell for a lease
    "systemd-resolved", "netbase", "iproute2", "iputils-ping", "ca-certificates", "curl",
    # what answers
    "cloud-init", "cloud-guest-utils", "fdisk", "openssh-server", "qemu-guest-agent",
    # who logs in; without libpam-systemd a user has no session and no services
    "sudo", "libpam-systemd", "procps", "locales",
)  # fmt: skip
_KERNEL_IMAGE = "linux-image-"
"""How the names of kernels begin: one that an author lists takes the place of the usual one."""
_PACKAGES_OF = {"debian-13": ("systemd-repart",)}
"""A part of the package systemd before."""

FILES = {
    "etc/hosts": "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n",
    # The one locale that needs no generating: cloud-init takes it for the default, and would
    # generate another for ten seconds. `locale:` in its documents still can.
    "etc/default/locale": "LANG=C.UTF-8\n",
    "etc/cloud/cloud.cfg.d/90_charly.cfg": """\
# A list on one line: ds-identify is a shell script and reads no other.
datasource_list: [NoCloud, None]
manage_etc_hosts: localhost
system_info:
  network:
    renderers: [networkd]
""",
    "etc/initramfs-tools/conf.d/charly": "MODULES=list\nCOMPRESS=lz4\n",
}
"""By path, below the root, on every architecture."""

_DISK_DRIVERS = ("virtio_pci", "virtio_blk", "virtio_scsi", "sd_mod", "ahci", "nvme")
"""Of the disks that a virtual machine can have; an initramfs for every machine is thrice as large.
A module that a kernel has built in or lacks does no harm."""

CUSTOMIZE_HOOKS = (
    'chroot "$1" systemctl --quiet enable systemd-networkd.service',
    # They take apt's lock at a moment of their own, and a test's installation fails.
    'chroot "$1" systemctl --quiet disable apt-daily.timer apt-daily-upgrade.timer '
    "e2scrub_all.timer e2scrub_reap.service",
    # Growing is systemd's here, and there is no grub-pc to configure.
    r"""sed -E -i '/^ *- *(growpart|resizefs|grub[-_]dpkg)$/d' "$1/etc/cloud/cloud.cfg" """.strip(),
    # What each machine makes for itself, and what the builder took from this host.
    'rm -f "$1"/etc/ssh/ssh_host_*_key "$1"/etc/ssh/ssh_host_*_key.pub "$1/etc/hostname"',
    ': > "$1/etc/machine-id"',
    # /etc and /var fit to /usr, says systemd-update-done(8); otherwise each first boot would run
    # ldconfig and more.
    'touch "$1/etc/.updated" "$1/var/.updated"',
    # ucf(1) can do without; the names begin with a colon, which mkfs.xfs takes for a comment.
    'rm -f "$1"/var/lib/ucf/cache/:*',
)
"""Shell commands that run outside the new root, which is `$1`."""


@dataclass(frozen=True, slots=True)
class Debian:
    """One bootstrapped Debian: a `TreeRecipe`."""

    suite: str
    port: Port
    packages: tuple[str, ...]
    builder: str = "mmdebstrap"
    file_system: FileSystem = EXT4
    root_size: int = 0
    """Bytes beyond which the root partition does not grow; 0 for the whole disk."""
    kernel_args: str = ""
    """What the kernel gets after our own, in a shell's notation."""
    variant: str = "minbase"

    @property
    def title(self) -> str:
        return f"Debian {self.suite}"

    @property
    def programs(self) -> Mapping[str, str]:
        return {self.builder: self.builder}

    @property
    def efi(self) -> Mapping[str, str]:
        return self.port.efi

    @property
    def efi_config(self) -> str:
        # Built into Debian's signed GRUB.
        return "EFI/debian/grub.cfg"

    @property
    def files(self) -> dict[str, str]:
        # The links follow Debian's kernel packages.
        config = render_grub_config(
            "/vmlinuz", "/initrd.img", kernel_args=self.kernel_args, console=self.port.console
        )
        modules = "\n".join((*_DISK_DRIVERS, self.file_system.name, ""))
        return {
            "boot/grub/grub.cfg": config,
            "etc/fstab": self.file_system.fstab,
            "etc/initramfs-tools/modules": modules,
            **FILES,
            ROOT_GROWS: render_growth(self.root_size),
        }

    @property
    def ingredients(self) -> tuple[str, ...]:
        files = list_files(self.files)
        efi = list_files(self.efi)
        return (*self.render_argv(), *files, *efi, self.efi_config)

    def render_argv(self) -> list[str]:
        """The mirror is the builder's own default."""
        return self._debootstrap() if self.builder == "debootstrap" else self._mmdebstrap()

    def find_unmade(self, source: Bootstrap) -> list[str]:
        unmade = []
        if source.bootstrap_arch not in (None, self.port.name):
            unmade.append(
                f"bootstrap_arch: {source.bootstrap_arch} (by `arch` it is {self.port.name})"
            )
        variants = VARIANTS[source.builder]
        if source.bootstrap_variant not in (None, *variants):
            known = ", ".join(variants)
            unmade.append(
                f"bootstrap_variant: {source.bootstrap_variant} ({source.builder} knows {known})"
            )
        return unmade

    def _mmdebstrap(self) -> list[str]:
        # mmdebstrap's own settings lead apt to the new root's lists.
        fetch = (
            f'cd "${LOADERS_VARIABLE}" && APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" '
            f"apt-get -qq download {' '.join(self.port.loaders)} && "
            'for one in *.deb; do dpkg-deb --extract "$one" .; done'
        )
        words = [
            # Mounts nothing outside its own namespace, for root as well.
            "mmdebstrap", "--mode=unshare", "--format=directory", f"--variant={self.variant}",
            f"--architectures={self.port.name}", f"--include={','.join(self.packages)}",
            # Whether programs of the architecture run here is `emulation`'s question.
            "--skip=check/qemu",
            f'--essential-hook=cp -R --preserve=mode "${FILES_VARIABLE}/." "$1"',
            *(f"--customize-hook={hook}" for hook in (*CUSTOMIZE_HOOKS, fetch)),
            self.suite,
        ]  # fmt: skip
        return ["sh", "-euc", f'exec "$@" "${TREE_VARIABLE}"', "sh", *words]

    def _debootstrap(self) -> list[str]:
        script = debootstrap.render_script(
            suite=self.suite,
            architecture=self.port.name,
            variant=self.variant,
            packages=self.packages,
            loaders=self.port.loaders,
            hooks=CUSTOMIZE_HOOKS,
        )
        return ["sh", "-euc", script]


def _is_kernel(package: str) -> bool:
    return package.startswith(_KERNEL_IMAGE) and not package.endswith("-dbg")


def find_debian(source: Bootstrap, machine: str, *, root_size: int = 0) -> Debian | None:
    """The Debian that a source and an architecture (as `uname -m` says it) ask for, or None."""
    suite, port = SUITES.get(source.distro), PORTS.get(machine)
    if suite is None or port is None or source.builder not in BUILDERS:
        return None
    file_system = FILE_SYSTEMS[source.rootfs or "ext4"]
    more = _PACKAGES_OF.get(source.distro, ())
    ours = (*_PACKAGES, file_system.tools, *more)
    if not any(_is_kernel(name) for name in source.package):
        ours = (port.kernel, *ours)
    return Debian(
        suite=suite,
        port=port,
        packages=tuple(dict.fromkeys((*ours, *source.package))),
        builder=source.builder,
        file_system=file_system,
        root_size=root_size or source.root_size or 0,
        kernel_args=source.kernel_args or "",
        variant=source.bootstrap_variant or "minbase",
    )
