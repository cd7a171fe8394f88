"""Which family of distributions a guest belongs to, and what that family calls things."""

from __future__ import annotations

import re
from dataclasses import dataclass

from charly_vm.model.source import Bootstrap, CloudImage, Source


@dataclass(frozen=True, slots=True)
class Family:
    """Distributions that share a package manager and the names of their packages."""

    name: str
    packages: tuple[str, ...]
    """OpenSSH's server, curl and tar, which charly needs in a guest."""
    install: str
    """A shell command that installs the packages behind it, with nobody to ask."""
    admins: str
    """The group whose members may become root."""


DEBIAN = Family(
    "debian",
    ("openssh-server", "curl", "tar"),
    "apt-get update --quiet && DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes",
    admins="sudo",
)
FEDORA = Family(
    "fedora",
    # A path, since the package may be curl or curl-minimal, which exclude each other.
    ("openssh-server", "/usr/bin/curl", "tar"),
    "dnf install --assumeyes",
    admins="wheel",
)
ARCH = Family(
    "arch",
    ("openssh", "curl", "tar"),
    "pacman --sync --refresh --needed --noconfirm",
    admins="wheel",
)
SUSE = Family(
    "suse",
    ("openssh", "curl", "tar"),
    "zypper --non-interactive install",
    admins="wheel",
)

FAMILIES = {
    "debian": DEBIAN,
    "ubuntu": DEBIAN,
    "fedora": FEDORA,
    "centos": FEDORA,
    "rhel": FEDORA,
    "rocky": FEDORA,
    "almalinux": FEDORA,
    "arch": ARCH,
    "archlinux": ARCH,
    "cachyos": ARCH,
    "opensuse": SUSE,
}
"""By the distribution's name, as it stands in `distro:`, in names of accounts and in URLs."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """One distribution by its name in lower case, such as ubuntu."""

    name: str
    family: Family


def find_distribution(source: Source) -> Distribution | None:
    """What a disk's source says about it: `distro`, else the account, else the words of the URL."""
    if isinstance(source, Bootstrap):
        return _first_known(source.distro)
    if not isinstance(source, CloudImage):
        return None
    host_and_path, _, file = source.url.rpartition("/")
    said = (source.distro, source.base_user, file, host_and_path)
    return next(filter(None, (_first_known(text) for text in said if text)), None)


def _first_known(text: str) -> Distribution | None:
    for word in re.split(r"[^a-z]+", text.lower()):
        if word in FAMILIES:
            return Distribution(word, FAMILIES[word])
    return None
