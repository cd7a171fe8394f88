"""A stand-in for Arch's repositories: a Debian in packages of pacman's, with Arch's names.

Nothing here is Arch: its servers cannot be counted on where the tests run. The tree is a Debian 12
by the project's own recipe, laid out as Arch has it where the recipe for Arch can tell: the kernel
and its `pkgbase` below /usr/lib/modules, a hook of pacman's that builds the initramfs by
`mkinitcpio`, which here hands what it is told to Debian's own `mkinitramfs`, names of units, none
of them enabled, a root without a password, and files that the recipe replaces. pacstrap, pacman,
its database, its hooks and `pacman-key` are real.
"""

from __future__ import annotations

from pathlib import Path

from charly_vm.disk.distros.debian import find_debian
from charly_vm.disk.distros.tree_recipe import FILES_VARIABLE, LOADERS_VARIABLE, TREE_VARIABLE
from charly_vm.disk.sandbox import remove_tree, sandboxed
from charly_vm.host.process import run
from charly_vm.model.source import Bootstrap

PACKAGES = (
    "pacman-package-manager", "makepkg", "archlinux-keyring", "grub-common", "grub-efi-amd64-bin",
)  # fmt: skip
"""Debian's names of what an Arch has and the recipe for Debian does not install."""

EMPTY = (
    "cloud-init", "cloud-guest-utils", "openssh", "qemu-guest-agent", "sudo", "curl", "tar",
    "e2fsprogs", "xfsprogs", "btrfs-progs",
)  # fmt: skip
"""Their content is a part of `base`: each has one file that says which it is."""

_LAY_OUT = r"""
cd "$CHARLY_TREE"
version=$(ls usr/lib/modules)
services=$PWD/usr/lib/systemd/system
chroot . systemctl --quiet disable ssh systemd-networkd systemd-resolved cloud-init-local \
  cloud-init cloud-config cloud-final qemu-guest-agent
sed -i '/^Alias=/d' "$services/ssh.service"
mv "$services/ssh.service" "$services/sshd.service"
rm -f usr/lib/systemd/system/ssh.socket usr/lib/systemd/system/sshd.socket
sed -i 's/^root:[^:]*:/root::/' etc/shadow
echo 'wheel:x:998:' >>etc/group
sed -i 's/^ *- *bootcmd$/&\n - growpart\n - resizefs/' etc/cloud/cloud.cfg
rm -rf etc/resolv.conf initrd.img* vmlinuz* etc/initramfs-tools/modules etc/rc?.d etc/init.d
for one in resolv.conf fstab hosts; do echo '# the package has this' >"etc/$one"; done
mkdir -p usr/share/pacman
ln -sfn ../keyrings usr/share/pacman/keyrings

mkdir -p ../parts/linux/usr/lib ../parts/linux/boot ../parts/grub/usr/bin ../parts/grub/usr/lib
mv usr/lib/modules ../parts/linux/usr/lib/
mv "boot/vmlinuz-$version" "../parts/linux/usr/lib/modules/$version/vmlinuz"
echo linux >"../parts/linux/usr/lib/modules/$version/pkgbase"
# mkinitramfs asks it which compressions the kernel knows.
mv "boot/config-$version" ../parts/linux/boot/
rm -rf boot/*
mv usr/bin/grub-mkimage ../parts/grub/usr/bin/
mv usr/lib/grub ../parts/grub/usr/lib/

cd ../parts
mkdir -p mkinitcpio/usr/bin mkinitcpio/usr/share/libalpm/hooks mkinitcpio/etc/mkinitcpio.conf.d
mkdir -p mkinitcpio/etc/initramfs-tools/conf.d
printf 'MODULES=list\nCOMPRESS=lz4\n' >mkinitcpio/etc/initramfs-tools/conf.d/stand-in
cat >mkinitcpio/usr/share/libalpm/hooks/90-mkinitcpio-install.hook <<'END'
[Trigger]
Type = Path
Operation = Install
Target = usr/lib/modules/*/vmlinuz

[Action]
Description = Building the initramfs...
When = PostTransaction
Exec = /usr/bin/mkinitcpio
NeedsTargets
END
cat >mkinitcpio/usr/bin/mkinitcpio <<'END'
#!/bin/bash
set -euo pipefail
[[ -e /proc/self/mountinfo && -e /dev/fd ]]
for one in /etc/mkinitcpio.conf.d/*.conf; do . "$one"; done
while read -r module; do
  echo "${module%\?}"
done < <(printf '%s\n' "${MODULES[@]}") >/etc/initramfs-tools/modules
while read -r kernel; do
  directory=/${kernel%/vmlinuz}
  read -r name <"$directory/pkgbase"
  install -Dm644 "/$kernel" "/boot/vmlinuz-$name"
  mkinitramfs -o "/boot/initramfs-$name.img" "${directory##*/}"
done
END
chmod 755 mkinitcpio/usr/bin/mkinitcpio
cd ..
mv tree parts/base
for one in @EMPTY@; do
  mkdir -p "parts/$one/usr/share/stand-in"
  touch "parts/$one/usr/share/stand-in/$one"
done

mkdir repository
for part in parts/*; do
  name=${part#parts/}
  cat >.PKGINFO <<END
pkgname = $name
pkgbase = $name
pkgver = 1-1
pkgdesc = a stand-in
arch = x86_64
size = $(du -s --block-size=1 "$part" | cut -f1)
backup = etc/fstab
END
  tar --create --xattrs --xattrs-include='*' --file "repository/$name-1-1-x86_64.pkg.tar" \
    .PKGINFO -C "$part" $(ls -A "$part")
done
rm -rf parts
"""

_CONFIG = """\
[options]
Architecture = auto
SigLevel = Never
DownloadUser = alpm
LogFile = /var/log/pacman.log

[stand-in]
Include = {servers}
"""


def write_repository(directory: Path) -> str:
    """Make the repository below an empty directory; the text of a pacman.conf that has it."""
    source = Bootstrap(kind="bootstrap", distro="debian-12", package=PACKAGES)
    debian = find_debian(source, "x86_64")
    assert debian is not None
    for name in ("files", "loaders"):
        (directory / name).mkdir()
    environment = {
        FILES_VARIABLE: str(directory / "files"),
        TREE_VARIABLE: str(directory / "tree"),
        LOADERS_VARIABLE: str(directory / "loaders"),
        "TMPDIR": str(directory),
        "LC_ALL": "C.UTF-8",
    }
    run(sandboxed(debian.render_argv()), env=environment, timeout=600)
    lay_out = _LAY_OUT.replace("@EMPTY@", " ".join(EMPTY))
    try:
        run(sandboxed(["sh", "-euc", lay_out]), env=environment, timeout=300)
    finally:
        for name in ("tree", "parts"):
            remove_tree(directory / name)
    repository = directory / "repository"
    packages = sorted(repository.glob("*.pkg.tar"))
    run(["repo-add", "--quiet", repository / "stand-in.db.tar.gz", *packages], timeout=300)
    servers = directory / "servers"
    servers.write_text(f"Server = {repository.as_uri()}\n")
    return _CONFIG.format(servers=servers)
