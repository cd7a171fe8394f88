"""A tree of files by `dnf --installroot`, on a host of any distribution: a shell script. Pure.

The host's rpm writes the database that the guest's will read, so that it has to be told where that
looks: Debian's keeps one below the user's home. What packages run while they are installed finds
/proc and the usual device nodes in the new root: an ordinary user's namespace cannot make nodes,
and has the host's own bound in their place until the script ends.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from charly_vm.disk.distros.tree_recipe import FILES_VARIABLE, LOADERS_VARIABLE, TREE_VARIABLE

SHIM, GRUB = "shimx64.efi", "grubx64.efi"
"""What UEFI boots, by its names in the vendor's directory and among the loaders."""

KERNEL_PLUGIN = "etc/kernel/install.d/95-charly.install"
"""By path below the root; kernel-install(8) calls it in the guest as well."""

KERNEL_PLUGIN_TEXT = """\
#!/bin/sh -eu
# Keeps the links that GRUB follows, to the newest kernel and its initramfs.
# Called as: add|remove VERSION ENTRY-DIRECTORY [IMAGE [INITRD...]]
command=$1 version=$2
initramfs=/boot/initramfs-$version.img
case $command in
  add)
    # Some dracuts leave theirs to the plugin that fits the boot loader, which is this one.
    staged=${KERNEL_INSTALL_STAGING_AREA:-/nowhere}/initrd
    if [ -e "$staged" ]; then
      cp "$staged" "$initramfs"
    elif [ ! -e "$initramfs" ]; then
      dracut --force "$initramfs" "$version"
    fi ;;
  remove) rm -f "$initramfs" ;;
  *) exit 0 ;;
esac
newest=$(
  cd /usr/lib/modules
  for image in */vmlinuz; do
    one=${image%/vmlinuz}
    # A kernel's files go after its plugins have run.
    [ ! -e "$image" ] || [ "$command $one" = "remove $version" ] || echo "$one"
  done | sort -V | tail -n 1
)
[ -n "$newest" ] || exit 0
ln -sfn "../usr/lib/modules/$newest/vmlinuz" /boot/vmlinuz
ln -sfn "initramfs-$newest.img" /boot/initramfs.img
"""

_SCRIPT = """\
set -eu
umask 022
tree=$@TREE_VARIABLE@ files=$@FILES_VARIABLE@ loaders=$@LOADERS_VARIABLE@ repositories=$1
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
export PATH

mkdir "$tree"
cp -R --preserve=mode "$files/." "$tree"
chmod 755 "$tree/@KERNEL_PLUGIN@"
mkdir -m 555 "$tree/proc" "$tree/sys"
mkdir -m 755 "$tree/dev"
mount -t proc proc "$tree/proc"
for node in null zero full random urandom tty; do
  : >"$tree/dev/$node"
  mount --bind "/dev/$node" "$tree/dev/$node"
done
ln -s /proc/self/fd "$tree/dev/fd"

# Where rpm reads a user's own macros, before its version 4.20 and since.
home=$loaders/home
mkdir -p "$home/.config/rpm"
cat >"$home/.rpmmacros" <<'END'
%_dbpath @DATABASE@
%_db_backend sqlite
%_netsharedpath /proc:/sys
%__transaction_audit %{nil}
%__transaction_dbus_announce %{nil}
%__transaction_fapolicyd %{nil}
%__transaction_selinux %{nil}
%__transaction_syslog %{nil}
%__transaction_systemd_inhibit %{nil}
END
cp "$home/.rpmmacros" "$home/.config/rpm/macros"

# dnf 5 reads its settings in the new root, unless it is told; dnf 4 those of the host, since the
# root has none.
case $(dnf --version) in *dnf5*) host=--use-host-config ;; *) host= ;; esac
# dracut cannot make nodes either, nor copy the labels that SELinux gives to files on the host.
clean() {
  env -u TMPDIR -u XDG_CONFIG_HOME DRACUT_NO_MKNOD=1 DRACUT_NO_XATTR=1 "$@"
}
HOME=$home clean dnf $host --assumeyes --installroot="$tree" --releasever=@RELEASE@ \\
  --forcearch=@ARCHITECTURE@ --setopt=reposdir="$repositories" \\
  --setopt=varsdir=/etc/dnf/vars,/usr/share/dnf5/vars.d --setopt=plugins=False \\
  --setopt=install_weak_deps=False --setopt=tsflags=nodocs --setopt=skip_if_unavailable=False \\
  install @PACKAGES@ >&2

inside() { HOME=/root clean chroot "$tree" "$@"; }
# In the form of the guest's own rpm, which has to find it.
inside rpm --rebuilddb
inside rpm --query kernel-core >&2
# Fedora's packages leave their accounts to rpm, which makes them since 4.19. An older one gives
# root what would be theirs.
inside systemd-sysusers
inside rpm --query --all \
  --queryformat '[%{FILEUSERNAME}:%{FILEGROUPNAME} %{FILEMODES:octal} %{FILENAMES}\n]' |
  grep -v '^root:root ' | while read -r owner mode file; do
    [ -e "$tree$file" ] || continue
    [ "$(inside stat --format=%U:%G "$file")" != "$owner" ] || continue
    inside chown --no-dereference "$owner" "$file"
    # Which took the set-user-ID with it.
    [ -L "$tree$file" ] || inside chmod "${mode#"${mode%????}"}" "$file"
  done
# rpm passes over a kernel's script that fails.
for image in "$tree"/usr/lib/modules/*/vmlinuz; do
  version=${image%/vmlinuz}
  version=${version##*/}
  inside "/@KERNEL_PLUGIN@" add "$version" /nowhere "/usr/lib/modules/$version/vmlinuz" >&2
done
for file in vmlinuz initramfs.img; do
  [ -s "$tree/boot/$file" ] || { echo "no package has made /boot/$file" >&2; exit 1; }
done

# Newer packages no longer write to the EFI system partition by themselves.
for name in @LOADERS@; do
  found=$(find "$tree/boot/efi" "$tree/usr/lib/efi" -path "*/EFI/@VENDOR@/$name" 2>/dev/null |
    sort -V | tail -n 1)
  cp "${found:?no package has EFI/@VENDOR@/$name}" "$loaders/$name"
done

for unit in @SERVICES@; do
  [ ! -e "$tree/usr/lib/systemd/system/$unit" ] || inside systemctl --quiet enable "$unit"
done
for unit in @TIMERS@; do
  [ ! -e "$tree/usr/lib/systemd/system/$unit" ] || inside systemctl --quiet disable "$unit"
done
if [ -e "$tree/usr/lib/systemd/system/systemd-resolved.service" ]; then
  ln -sfn ../run/systemd/resolve/stub-resolv.conf "$tree/etc/resolv.conf"
fi
# Growing is systemd's, in a tenth of the time of cloud-init's shell script, or that one's in the
# releases whose systemd does not have it.
if [ -e "$tree/usr/bin/systemd-repart" ]; then
  sed -E -i '/^ *- *(growpart|resizefs)$/d' "$tree/etc/cloud/cloud.cfg"
elif @IS_CAPPED@; then
  echo 'root_size: this release has no systemd-repart, which alone keeps to it' >&2
  exit 1
fi

# What each machine makes for itself, and what the builder left.
rm -f "$tree"/etc/ssh/ssh_host_*_key "$tree"/etc/ssh/ssh_host_*_key.pub "$tree/etc/hostname" \\
  "$tree/var/lib/systemd/random-seed"
: >"$tree/etc/machine-id"
umount "$tree"/dev/null "$tree"/dev/zero "$tree"/dev/full "$tree"/dev/*random "$tree/dev/tty" \\
  "$tree/proc"
rm -rf "$tree"/dev/* "$tree"/run/* "$tree"/tmp/* "$tree"/var/tmp/* "$tree"/var/cache/dnf \\
  "$tree"/var/cache/libdnf5 "$tree"/var/log/dnf*.log* "$tree/var/log/hawkey.log"
# /etc and /var fit to /usr, says systemd-update-done(8); otherwise each first boot would run
# ldconfig and more.
touch "$tree/etc/.updated" "$tree/var/.updated"
"""


def render_script(
    *,
    release: str,
    architecture: str,
    database: str,
    vendor: str,
    packages: Sequence[str],
    services: Sequence[str],
    timers: Sequence[str],
    is_capped: bool,
) -> str:
    """A script for sh, which has the three variables of `tree_recipe`, and as its one argument the
    directory with the repositories' files.

    `database` is where the guest's rpm has its own, and `vendor` whose directory on an EFI system
    partition the loaders are made for. `is_capped` says that the root partition must not grow to
    the end of the disk.
    """
    parts = {
        "TREE_VARIABLE": TREE_VARIABLE,
        "FILES_VARIABLE": FILES_VARIABLE,
        "LOADERS_VARIABLE": LOADERS_VARIABLE,
        "KERNEL_PLUGIN": KERNEL_PLUGIN,
        "RELEASE": release,
        "ARCHITECTURE": architecture,
        "DATABASE": database,
        "VENDOR": vendor,
        "PACKAGES": " ".join(map(shlex.quote, packages)),
        "LOADERS": f"{SHIM} {GRUB}",
        "SERVICES": " ".join(services),
        "TIMERS": " ".join(timers),
        "IS_CAPPED": "true" if is_capped else "false",
    }
    script = _SCRIPT
    for name, text in parts.items():
        script = script.replace(f"@{name}@", text)
    return script
