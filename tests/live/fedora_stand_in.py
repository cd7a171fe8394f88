"""RPM packages that stand in for Fedora's, whose mirrors a test does not depend on.

It is a stand-in: its packages carry the names that Fedora's recipe asks for, and what is in them is
a Debian, laid out as Fedora has it. What it shares with the real one is what the recipe meets:

- packages with owners, set-user-ID programs and file capabilities, installed by the host's dnf,
  one of the owners by sysusers.d(5) alone;
- `filesystem`, with the modes of the directories that are mounted meanwhile;
- a kernel below /usr/lib/modules, whose package calls the real kernel-install and the real dracut;
- an rpm in the guest that has its database where Fedora's has it;
- NetworkManager, the names of the units, none of them enabled, and cloud-init's modules that grow;
- shim and GRUB in the vendor's directory. This GRUB is not signed, since what Debian has signed
  looks for its configuration elsewhere.

`dnf` itself and the release's package are mere names.
"""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path

from charly_vm.disk.distros.debian import Debian, find_debian
from charly_vm.disk.distros.tree_recipe import FILES_VARIABLE, LOADERS_VARIABLE, TREE_VARIABLE
from charly_vm.disk.sandbox import remove_tree, sandboxed
from charly_vm.host.process import run
from charly_vm.model.source import Bootstrap

OWN_PACKAGES = ("setup", "filesystem", "kernel-core", "shim-x64", "grub2-efi-x64")
"""All other names are provided by one package with the rest."""

_INSTEAD = {"initramfs-tools": ("dracut",)}
_MORE = (
    "network-manager", "rpm", "createrepo-c", "libcap2-bin", "grub-efi-amd64-bin", "passwd", "tar",
)  # fmt: skip

_UNPACKED = """\
set -eu
tree=$1 loaders=$2
mount -t proc proc "$tree/proc"
for node in null zero full random urandom; do
  [ -c "$tree/dev/$node" ] || { : >"$tree/dev/$node"; mount --bind "/dev/$node" "$tree/dev/$node"; }
done
mkdir -p "$tree/boot/efi/EFI/fedora" "$tree/build"
cp "$loaders/usr/lib/shim/shimx64.efi.signed" "$tree/boot/efi/EFI/fedora/shimx64.efi"
cp "$3" "$tree/build/stand-in.spec"
exec env -i PATH=/usr/sbin:/usr/bin HOME=/root LC_ALL=C.UTF-8 chroot "$tree" sh -euc "$4"
"""

_LAY_OUT = r"""
cd /usr/lib/modules
kernel=$(echo *)
mv "/boot/vmlinuz-$kernel" "$kernel/vmlinuz"
rm -rf /boot/initrd* /boot/config-* /boot/System.map-* /vmlinuz* /initrd.img* /etc/fstab \
  /etc/resolv.conf /etc/hostname /etc/machine-id /etc/.updated /var/.updated /var/cache/apt \
  /usr/share/doc /usr/share/man /usr/share/locale /usr/share/info
grub-mkimage -O x86_64-efi -p /EFI/fedora -o /boot/efi/EFI/fedora/grubx64.efi \
  part_gpt fat ext2 xfs btrfs linux normal configfile regexp search test minicmd all_video boot echo

cd /usr/lib/systemd/system
systemctl --quiet disable ssh.service ssh.socket systemd-networkd.service systemd-resolved.service \
  NetworkManager.service qemu-guest-agent.service cloud-init-local.service cloud-init.service \
  cloud-config.service cloud-final.service
mv ssh.service sshd.service
sed -i '/^Alias=/d' sshd.service
rm ssh.socket
sed -i 's/^cloud_init_modules:$/&\n - growpart\n - resizefs/' /etc/cloud/cloud.cfg
grep -q '^ - growpart$' /etc/cloud/cloud.cfg
echo 'wheel:x:10:' >>/etc/group
mkdir -p /etc/rpm
echo '%_dbpath /usr/lib/sysimage/rpm' >/etc/rpm/macros

# As rpmbuild reads it: type, mode and owners by their names here.
list() {
  find "$@" \( -type d -printf '%%dir %%attr(%m, %u, %g) "%p"\n' \) -o \
    \( -type l -printf '%%attr(-, %u, %g) "%p"\n' \) -o \
    \( -type f -printf '%%attr(%m, %u, %g) "%p"\n' \)
}
cd /build
# By root, as there: the group of Debian's is not known before they are installed.
chown root:root /etc/shadow /etc/gshadow
list /etc/passwd /etc/group /etc/shadow /etc/gshadow >setup
{ list / -xdev -maxdepth 1 ! -name build ! -path / | grep -vE '"/(proc|sys|boot)"$'
  for one in /proc /sys /boot; do echo "%dir %attr(555, root, root) $one"; done; } >filesystem
list /usr/lib/modules >kernel-core
list /boot/efi/EFI/fedora/shimx64.efi >shim-x64
list /boot/efi/EFI/fedora/grubx64.efi >grub2-efi-x64
list /usr /etc /var /home /root -mindepth 1 | grep -vFf setup -f kernel-core >stand-in
getcap -r /usr | while read -r path caps; do
  # `%caps` is an attribute of its own in front.
  sed -i "s|^.*\"$path\"\$|%caps($caps) &|" stand-in
done
grep -q '^%caps(cap_net_raw=ep) .*ping"$' stand-in

# An account that nothing makes but by this file.
grep -q '^u messagebus ' /usr/lib/sysusers.d/dbus.conf
sed -i '/^messagebus:/d' /etc/passwd /etc/group /etc/shadow /etc/gshadow

# Read-only, whatever rpmbuild thinks of its build root.
mount --bind / /mnt
mount -o remount,bind,ro /mnt
rpmbuild -bb --quiet --buildroot /mnt --define '_topdir /build' --define "kernel $kernel" \
  stand-in.spec
umount /mnt
createrepo_c --quiet /build/RPMS
"""

_SPEC = """\
%define debug_package %{nil}
%define _build_id_links none
%define __os_install_post %{nil}
%define __check_files %{nil}
%define __spec_install_pre %{___build_pre}
%define _binary_payload w1.zstdio
Name: stand-in
Version: 1
Release: 1
Summary: A Debian
License: various
AutoReqProv: no
Requires(pre): filesystem
Provides: /bin/sh
@PROVIDES@
%description
%{summary}.
@PACKAGES@
%clean
%files -f /build/stand-in
%posttrans -n kernel-core
kernel-install add %{kernel} /lib/modules/%{kernel}/vmlinuz
%preun -n kernel-core
kernel-install remove %{kernel} /lib/modules/%{kernel}/vmlinuz
"""
_PACKAGE = """\
%package -n {name}
Summary: As in Fedora
AutoReqProv: no
{requires}
%description -n {name}
%{{summary}}.
%files -n {name} -f /build/{name}
"""
_REQUIRES = {"setup": "", "filesystem": "Requires(pre): setup"}


def build_repository(directory: Path, names: Sequence[str]) -> Path:
    """The repository's directory in `directory`, built in two minutes where it is missing.

    `names` are all that its packages are asked for. Needs no privileges.
    """
    debian = _find_debian()
    provided = [name for name in names if name not in OWN_PACKAGES and not name.startswith("/")]
    packages = "".join(
        _PACKAGE.format(name=name, requires=_REQUIRES.get(name, "Requires(pre): stand-in"))
        for name in OWN_PACKAGES
    )
    provides = "\n".join(f"Provides: {name}" for name in provided)
    spec = _SPEC.replace("@PROVIDES@", provides).replace("@PACKAGES@", packages)
    recipe = "\0".join((*debian.render_argv(), _UNPACKED, _LAY_OUT, spec))
    digest = hashlib.sha256(recipe.encode()).hexdigest()
    repository = directory / f"fedora-stand-in-{digest[:16]}"
    if not repository.exists():
        directory.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=directory, prefix=".fedora-stand-in-"))
        try:
            _build(work, debian, spec).replace(repository)
        finally:
            remove_tree(work)
    return repository


def _find_debian() -> Debian:
    found = find_debian(Bootstrap(kind="bootstrap", distro="debian-12"), "x86_64")
    assert found is not None
    packages = [one for name in found.packages for one in _INSTEAD.get(name, (name,))]
    return dataclasses.replace(found, packages=(*packages, *_MORE))


def _build(work: Path, debian: Debian, spec: str) -> Path:
    files, tree, loaders = work / "files", work / "tree", work / "loaders"
    files.mkdir()
    loaders.mkdir()
    environment = {
        FILES_VARIABLE: str(files),
        TREE_VARIABLE: str(tree),
        LOADERS_VARIABLE: str(loaders),
        "TMPDIR": str(work),
    }
    run(sandboxed(debian.render_argv()), env=environment, timeout=600)
    spec_file = work / "stand-in.spec"
    spec_file.write_text(spec)
    script: list[str | Path] = [
        "sh", "-euc", _UNPACKED, "sh", tree, loaders, spec_file, _LAY_OUT,
    ]  # fmt: skip
    run(sandboxed(script), what="making the stand-in of Fedora", timeout=600)
    repository = work / "repository"
    run(sandboxed(["cp", "-R", tree / "build/RPMS", repository]), timeout=60)
    return repository
