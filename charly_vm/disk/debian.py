"""What makes a bootstrapped Debian ours: its packages, a few files, a few steps. Pure.

A normal Debian otherwise. Where it could be had for little, it boots faster than one, since every
instruction of a boot counts when the host has to emulate the guest.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from charly_vm.disk.bootable import ROOT_LABEL
from charly_vm.disk.debian_ports import PORTS, Port
from charly_vm.model.source import Bootstrap

SUITES = {"debian-12": "bookworm", "debian-13": "trixie"}
"""By the names that `distro:` takes."""

VARIANTS = (
    "essential", "apt", "required", "minbase", "buildd", "important", "debootstrap", "-",
    "standard",
)  # fmt: skip
"""mmdebstrap's choices of packages that make a whole system; mmdebstrap(1)."""

FILES_VARIABLE = "CHARLY_FILES"
"""Names the directory with a Debian's `files` to the steps."""
LOADERS_VARIABLE = "CHARLY_LOADERS"
"""Names the directory to which the steps unpack the loaders' packages."""

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
_PACKAGES_OF = {"debian-13": ("systemd-repart",)}
"""A part of the package systemd before."""

ROOT_GROWS = "etc/repart.d/50-root.conf"

_GRUB_CONFIG = """\
# The links follow Debian's kernel packages. The last console is the one that systemd writes to.
set timeout=0
linux /vmlinuz root=LABEL={label} ro console=tty0 console={console},115200{more}
initrd /initrd.img
boot
"""

FILES = {
    "etc/fstab": f"LABEL={ROOT_LABEL} / ext4 defaults,discard,x-systemd.growfs 0 1\n",
    # systemd grows the partition, and by fstab's option the file system: before cloud-init, and
    # in a tenth of the time of its shell script.
    ROOT_GROWS: "[Partition]\nType=root\n",
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
    # The disks that a virtual machine can have; an initramfs for every machine is thrice as large.
    # A module that a kernel has built in or lacks does no harm here.
    "etc/initramfs-tools/conf.d/charly": "MODULES=list\nCOMPRESS=lz4\n",
    "etc/initramfs-tools/modules": "\n".join(
        ("virtio_pci", "virtio_blk", "virtio_scsi", "sd_mod", "ahci", "nvme", "ext4", "")
    ),
}
"""By path, below the root, on every architecture."""

ESSENTIAL_HOOKS = (f'cp -R --preserve=mode "${FILES_VARIABLE}/." "$1"',)

CUSTOMIZE_HOOKS = (
    'chroot "$1" systemctl --quiet enable systemd-networkd.service',
    # They take apt's lock at a moment of their own, and a test's installation fails.
    'chroot "$1" systemctl --quiet disable apt-daily.timer apt-daily-upgrade.timer '
    "e2scrub_all.timer e2scrub_reap.service",
    # Growing is systemd's here, and there is no grub-pc to configure.
    r"""sed -E -i '/^ *- *(growpart|resizefs|grub[-_]dpkg)$/d' "$1/etc/cloud/cloud.cfg" """.strip(),
    # What each machine makes for itself, and what mmdebstrap took from this host.
    'rm -f "$1"/etc/ssh/ssh_host_*_key "$1"/etc/ssh/ssh_host_*_key.pub "$1/etc/hostname"',
    ': > "$1/etc/machine-id"',
    # /etc and /var fit to /usr, says systemd-update-done(8); otherwise each first boot would run
    # ldconfig and more.
    'touch "$1/etc/.updated" "$1/var/.updated"',
)
"""Shell commands that mmdebstrap runs outside the new root, which is `$1`."""


@dataclass(frozen=True, slots=True)
class Debian:
    """One bootstrapped Debian: all that determines its tree of files and what boots it."""

    suite: str
    port: Port
    packages: tuple[str, ...]
    root_size: int = 0
    """Bytes beyond which the root partition does not grow; 0 for the whole disk."""
    kernel_args: str = ""
    """What the kernel gets after our own, in a shell's notation."""
    variant: str = "minbase"

    @property
    def files(self) -> dict[str, str]:
        """What is there before the packages, whose scripts read some of it; by path below the
        root."""
        # GRUB reads a shell's quotations as a shell does.
        more = "".join(f" {shlex.quote(word)}" for word in shlex.split(self.kernel_args))
        config = _GRUB_CONFIG.format(label=ROOT_LABEL, console=self.port.console, more=more)
        files = {"boot/grub/grub.cfg": config, **FILES}
        if self.root_size:
            # repart.d(5): the rest of the disk stays free for whoever wants it.
            files[ROOT_GROWS] += f"SizeMaxBytes={self.root_size}\n"
        return files

    @property
    def ingredients(self) -> tuple[str, ...]:
        """For the recipe."""
        files = (f"{path}\n{text}" for path, text in sorted(self.files.items()))
        efi = (f"{path}\n{source}" for path, source in sorted(self.port.efi.items()))
        return (
            self.suite, self.port.name, self.variant, *self.packages, *files, *ESSENTIAL_HOOKS,
            *self.customize_hooks, *efi,
        )  # fmt: skip

    @property
    def customize_hooks(self) -> tuple[str, ...]:
        """All steps after the packages' installation."""
        # mmdebstrap's own settings lead apt to the new root's lists.
        fetch = (
            f'cd "${LOADERS_VARIABLE}" && APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" '
            f"apt-get -qq download {' '.join(self.port.loaders)} && "
            'for one in *.deb; do dpkg-deb --extract "$one" .; done'
        )
        return (*CUSTOMIZE_HOOKS, fetch)

    def render_argv(self, tree: str) -> list[str]:
        """mmdebstrap's command for a new directory `tree`. The mirror is its own default.

        Its mode `unshare` mounts nothing outside its own namespace, for root as well.
        """
        return [
            "mmdebstrap", "--mode=unshare", "--format=directory", f"--variant={self.variant}",
            f"--architectures={self.port.name}", f"--include={','.join(self.packages)}",
            # Whether programs of the architecture run here is `emulation`'s question.
            "--skip=check/qemu",
            *(f"--essential-hook={hook}" for hook in ESSENTIAL_HOOKS),
            *(f"--customize-hook={hook}" for hook in self.customize_hooks),
            self.suite, tree,
        ]  # fmt: skip


def find_debian(source: Bootstrap, machine: str, *, root_size: int = 0) -> Debian | None:
    """The Debian that a source and an architecture (as `uname -m` says it) ask for, or None."""
    suite, port = SUITES.get(source.distro), PORTS.get(machine)
    if suite is None or port is None:
        return None
    ours = (port.kernel, *_PACKAGES, *_PACKAGES_OF.get(source.distro, ()))
    return Debian(
        suite=suite,
        port=port,
        packages=tuple(dict.fromkeys((*ours, *source.package))),
        root_size=root_size or source.root_size or 0,
        kernel_args=source.kernel_args or "",
        variant=source.bootstrap_variant or "minbase",
    )


def find_unmade(source: Bootstrap, port: Port) -> list[str]:
    """What a source asks for and this recipe does not make, each with what it makes instead."""
    unmade = []
    if source.builder != "mmdebstrap":
        unmade.append(f"builder: {source.builder} (mmdebstrap installs every Debian here)")
    if source.builder_image:
        unmade.append(f"builder_image: {source.builder_image} (the builder is the host's own)")
    if source.rootfs not in (None, "ext4"):
        unmade.append(f"rootfs: {source.rootfs} (the root is ext4)")
    if source.bootstrap_arch not in (None, port.name):
        unmade.append(f"bootstrap_arch: {source.bootstrap_arch} (by `arch` it is {port.name})")
    if source.bootstrap_variant not in (None, *VARIANTS):
        known = ", ".join(VARIANTS)
        unmade.append(f"bootstrap_variant: {source.bootstrap_variant} (known are {known})")
    return unmade
