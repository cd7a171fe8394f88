"""How software is installed on this host: which package manager, and the command for a package."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from charly_vm.host.process import find_tool

_FAMILIES = {
    "debian": "apt", "ubuntu": "apt",
    "fedora": "dnf", "rhel": "dnf", "centos": "dnf",
    "arch": "pacman",
}  # fmt: skip
"""What ID and ID_LIKE of os-release(5) say, and the package manager there."""
_COMMANDS = {"apt": "apt install", "dnf": "dnf install", "pacman": "pacman -S"}


@dataclass(frozen=True, slots=True)
class PackageNames:
    """What one thing is called; several packages are separated by blanks, and nothing is needed
    where the name is empty."""

    apt: str
    dnf: str
    pacman: str


@dataclass(frozen=True, slots=True)
class PackageManager:
    """`name` is apt, dnf or pacman, or empty where it is none of them."""

    name: str

    def render_install(self, packages: PackageNames) -> str:
        """The command that installs them, or their names where the command is not known."""
        if not self.name:
            return f"install {packages.apt} (Debian's name)"
        wanted: str = getattr(packages, self.name)
        if not wanted:
            return f"not in {self.name}'s repositories"
        sudo = "" if os.getuid() == 0 else "sudo "
        return f"{sudo}{_COMMANDS[self.name]} {wanted}"


def find_package_manager(root: Path = Path("/")) -> PackageManager:
    """The one of this distribution: others may be installed as well."""
    said = read_os_release(root)
    for name in (said.get("ID", ""), *said.get("ID_LIKE", "").split()):
        if name in _FAMILIES:
            return PackageManager(_FAMILIES[name])
    return PackageManager(next((name for name in _COMMANDS if find_tool(name)), ""))


def read_os_release(root: Path = Path("/")) -> Mapping[str, str]:
    """os-release(5) of the system below `root`; empty where there is none."""
    try:
        lines = (root / "etc/os-release").read_text().splitlines()
    except OSError:
        return {}
    entries = (line.partition("=") for line in lines if "=" in line)
    return {key: " ".join(shlex.split(value)) for key, _, value in entries}
