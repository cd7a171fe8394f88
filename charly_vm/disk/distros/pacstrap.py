"""Arch Linux and its kin by pacstrap(8): a shell script that makes a tree of files. Pure.

pacstrap mounts a sysfs and a devtmpfs, which a user namespace may not, and its `-N` wants to make
that namespace itself and is missing in older ones. So the script mounts what there is first, and
has pacstrap find a `mount` that does nothing. All of it ends with the sandbox.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from charly_vm.disk.distros.tree_recipe import FILES_VARIABLE, LOADERS_VARIABLE, TREE_VARIABLE

EFI_LOADER = "BOOTX64.EFI"
"""What the script leaves below `LOADERS_VARIABLE`."""

_SCRIPT = """\
set -eu
umask 022
tree=$@TREE_VARIABLE@ files=$@FILES_VARIABLE@ loaders=$@LOADERS_VARIABLE@
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
# What it names is not there inside the new root.
unset TMPDIR
export PATH
say() { echo "$@" >&2; }

mkdir "$tree" "$tree/dev" "$tree/run"
mkdir -m 0555 "$tree/proc" "$tree/sys"
mkdir -m 1777 "$tree/tmp"
mount -t proc proc "$tree/proc"
# An ordinary user's namespace has no sysfs of its own, and no rights in this one.
mount -t sysfs -o ro sysfs "$tree/sys" 2>/dev/null || mount --rbind /sys "$tree/sys"
mount -t tmpfs -o mode=0755 tmpfs "$tree/dev"
mount -t tmpfs -o mode=0755 tmpfs "$tree/run"
mount -t tmpfs -o mode=1777 tmpfs "$tree/tmp"
for one in null zero full random urandom tty; do
  [ -e "/dev/$one" ] || continue
  : >"$tree/dev/$one"
  mount --bind "/dev/$one" "$tree/dev/$one"
done
mkdir -m 1777 "$tree/dev/shm"
ln -s /proc/self/fd "$tree/dev/fd"
ln -s fd/0 "$tree/dev/stdin"
ln -s fd/1 "$tree/dev/stdout"
ln -s fd/2 "$tree/dev/stderr"
mkdir "$loaders/bin"
printf '#!/bin/sh\\n' >"$loaders/bin/mount"
cp "$loaders/bin/mount" "$loaders/bin/umount"
chmod 755 "$loaders"/bin/*

# What the kernel's own scripts read. pacman refuses a file that a package brings as well, so that
# the others come later.
for one in @EARLY@; do
  mkdir -p "$tree/$(dirname "$one")"
  cp --preserve=mode "$files/$one" "$tree/$one"
done
printf %s @CONFIG@ >"$loaders/pacman.conf"
PATH="$loaders/bin:$PATH" pacstrap -C "$loaders/pacman.conf" -G -M "$tree" @PACKAGES@
# pacman ends well when a package's script does not.
for one in @BOOTED@; do
  [ -s "$tree/$one" ] || { say "no package has made /$one"; exit 1; }
done
cp -R --preserve=mode "$files/." "$tree"

inside() { chroot "$tree" "$@"; }
inside grub-mkimage -O x86_64-efi -o /run/@EFI_LOADER@ -p @EFI_PREFIX@ @EFI_MODULES@
cp "$tree/run/@EFI_LOADER@" "$loaders/@EFI_LOADER@"

inside pacman-key --init
inside pacman-key --populate
inside gpgconf --homedir /etc/pacman.d/gnupg --kill all
find "$tree/etc/pacman.d/gnupg" -type s -delete

inside systemctl --quiet enable @SERVICES@
for one in @RENAMED@; do
  [ ! -f "$tree/usr/lib/systemd/system/$one" ] || inside systemctl --quiet enable "$one"
done
ln -sfn ../run/systemd/resolve/stub-resolv.conf "$tree/etc/resolv.conf"
# The package has root log in without a password.
sed -i 's/^root::/root:*:/' "$tree/etc/shadow"
# Growing is systemd's here.
sed -E -i '/^ *- *(growpart|resizefs)$/d' "$tree/etc/cloud/cloud.cfg"
# What each machine makes for itself, and what nobody needs again.
rm -f "$tree"/etc/ssh/ssh_host_*_key "$tree"/etc/ssh/ssh_host_*_key.pub "$tree/etc/hostname"
: >"$tree/etc/machine-id"
rm -rf "$tree"/var/cache/pacman/pkg/* "$tree"/var/lib/pacman/sync/* "$tree/var/log/pacman.log"
# /etc and /var fit to /usr, says systemd-update-done(8); otherwise each first boot would run
# ldconfig and more.
touch "$tree/etc/.updated" "$tree/var/.updated"
"""


def render_script(
    *,
    config: str,
    packages: Sequence[str],
    early: Sequence[str],
    booted: Sequence[str],
    services: Sequence[str],
    renamed: Sequence[str],
    efi_prefix: str,
    efi_modules: Sequence[str],
) -> str:
    """A script for sh, which has the three variables of `tree_recipe`.

    `config` is the text of the pacman.conf. `early` are those of the recipe's files that come
    before the packages, and `booted` what the packages' scripts have to make, both by path below
    the root. `services` are enabled, and so are those of `renamed` that are there. GRUB for UEFI
    gets `efi_modules`, and reads its configuration in the directory `efi_prefix` of where it lies.
    """
    parts = {
        "TREE_VARIABLE": TREE_VARIABLE,
        "FILES_VARIABLE": FILES_VARIABLE,
        "LOADERS_VARIABLE": LOADERS_VARIABLE,
        "EARLY": " ".join(early),
        "PACKAGES": " ".join(map(shlex.quote, packages)),
        "BOOTED": " ".join(booted),
        "EFI_LOADER": EFI_LOADER,
        "EFI_PREFIX": efi_prefix,
        "EFI_MODULES": " ".join(efi_modules),
        "SERVICES": " ".join(services),
        "RENAMED": " ".join(renamed),
        # Last: whatever stands in it is not for us to replace.
        "CONFIG": shlex.quote(config),
    }
    script = _SCRIPT
    for name, text in parts.items():
        script = script.replace(f"@{name}@", text)
    return script
