"""Debian by debootstrap(8): a shell script that makes a tree of files. Pure.

debootstrap installs the variant, and the new system's own apt the rest: it alone knows how to
choose among a package's alternatives. An ordinary user's namespace cannot make device nodes, so
that the host's own are bound in their place until the script ends.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from charly_vm.disk.distros.tree_recipe import FILES_VARIABLE, LOADERS_VARIABLE, TREE_VARIABLE

VARIANTS = ("minbase", "buildd", "-")
"""debootstrap's choices of packages that make a whole system; `-` is its own default."""

_SCRIPT = """\
set -eu
tree=$@TREE_VARIABLE@ files=$@FILES_VARIABLE@ loaders=$@LOADERS_VARIABLE@
set -- "$tree"
mkdir "$loaders/bin"
cat >"$loaders/bin/mknod" <<'END'
#!/bin/sh -eu
# debootstrap calls: mknod [-m MODE] PATH c MAJOR MINOR
while [ "${1#-}" != "$1" ]; do shift 2; done
case "$3:$4" in
  1:3) name=null ;; 1:5) name=zero ;; 1:7) name=full ;; 1:8) name=random ;; 1:9) name=urandom ;;
  5:0) name=tty ;; 5:1) name=console ;; 5:2) name=ptmx ;; *) exit 1 ;;
esac
: >"$1"
# A host without a terminal has no console, which nothing of this needs.
[ ! -e "/dev/$name" ] || mount --bind "/dev/$name" "$1"
END
chmod 755 "$loaders/bin/mknod"
PATH="$loaders/bin:$PATH:/usr/local/sbin:/usr/sbin:/sbin"
export PATH

mkdir "$tree"
# Without the distribution's keys it would go on, and check nothing.
debootstrap --force-check-gpg --arch=@ARCHITECTURE@ @VARIANT@ @SUITE@ "$tree"
# It tries its mknod there, and cannot remove what is bound.
umount "$tree/test-dev-null" 2>/dev/null || true
rm -f "$tree/test-dev-null"

cp -R --preserve=mode "$files/." "$tree"
mountpoint -q "$tree/proc" || mount -t proc proc "$tree/proc"
printf '#!/bin/sh\\nexit 101\\n' >"$tree/usr/sbin/policy-rc.d"
chmod 755 "$tree/usr/sbin/policy-rc.d"
cp --remove-destination --dereference /etc/resolv.conf "$tree/etc/resolv.conf"
inside() { env -u TMPDIR DEBIAN_FRONTEND=noninteractive chroot "$tree" "$@"; }
# debootstrap knows the release as it was published, and nothing that was mended since.
sed -n '1s|^deb \\([^ ]*\\)/debian/* \\([^ ]*\\) .*|\\1 \\2|p' "$tree/etc/apt/sources.list" |
  while read -r server suite; do
    echo "deb $server/debian $suite-updates main"
    echo "deb $server/debian-security $suite-security main"
  done >>"$tree/etc/apt/sources.list.more"
cat "$tree/etc/apt/sources.list.more" >>"$tree/etc/apt/sources.list"
rm "$tree/etc/apt/sources.list.more"
inside apt-get -q update
inside apt-get -q -y -o Dpkg::Options::=--force-confold dist-upgrade
# Before a package of the new system takes resolv.conf over.
inside sh -euc 'mkdir /loaders && cd /loaders &&
  apt-get -q -o APT::Sandbox::User=root download @LOADERS@ &&
  for one in *.deb; do dpkg-deb --extract "$one" .; done'
cp -R "$tree/loaders/." "$loaders"
rm -r "$tree/loaders"
inside apt-get -q -y --no-install-recommends -o Dpkg::Options::=--force-confold \\
  install @PACKAGES@

@HOOKS@
# The link that systemd-resolved's package makes where nothing else stands.
rm -f "$tree/usr/sbin/policy-rc.d" "$tree/etc/resolv.conf"
ln -s ../run/systemd/resolve/stub-resolv.conf "$tree/etc/resolv.conf"
inside apt-get clean
find "$tree/var/lib/apt/lists" -type f -delete
rm -f "$tree"/var/log/bootstrap.log "$tree"/var/cache/apt/*.bin
umount "$tree"/dev/* "$tree/sys" "$tree/proc" 2>/dev/null || true
# Whatever should still be bound is the host's own.
rm -rf --one-file-system "$tree"/dev/* "$tree"/tmp/*
"""


def render_script(
    *,
    suite: str,
    architecture: str,
    variant: str,
    packages: Sequence[str],
    loaders: Sequence[str],
    hooks: Sequence[str],
) -> str:
    """A script for sh, which has the three variables of `tree_recipe`.

    `hooks` are commands that run outside the new root, which is `$1`.
    """
    parts = {
        "TREE_VARIABLE": TREE_VARIABLE,
        "FILES_VARIABLE": FILES_VARIABLE,
        "LOADERS_VARIABLE": LOADERS_VARIABLE,
        "ARCHITECTURE": architecture,
        "SUITE": suite,
        "VARIANT": "" if variant == "-" else f"--variant={variant}",
        "PACKAGES": " ".join(map(shlex.quote, packages)),
        "LOADERS": " ".join(loaders),
        "HOOKS": "\n".join(hooks),
    }
    script = _SCRIPT
    for name, text in parts.items():
        script = script.replace(f"@{name}@", text)
    return script
