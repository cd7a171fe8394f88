"""Where the kernel's file systems are: below a root that tests replace.

Attributes of a PCI device are of two kinds. Some take the device's lock, which a driver that never
ends its `remove` keeps until the host is reset: whoever reads them then never returns, and cannot
be killed. These are `driver_override`, `uevent`, `sriov_numvfs` and, for writing, everything that
binds. What is read here takes no lock: ids, class, `boot_vga`, and links.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class HostRoot:
    """The file systems of one host."""

    path: Path = Path("/")

    @property
    def devices(self) -> Path:
        return self.path / "sys/bus/pci/devices"

    @property
    def drivers(self) -> Path:
        return self.path / "sys/bus/pci/drivers"

    @property
    def probe(self) -> Path:
        """Has the kernel look for a driver for the address that is written here."""
        return self.path / "sys/bus/pci/drivers_probe"

    @property
    def groups(self) -> Path:
        return self.path / "sys/kernel/iommu_groups"

    @property
    def proc(self) -> Path:
        return self.path / "proc"

    @property
    def dev(self) -> Path:
        return self.path / "dev"

    def device(self, address: str) -> Path:
        return self.devices / address


HOST = HostRoot()


def read_text(path: Path) -> str:
    """A file's text without white space around it; empty where it is not there or closed."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def read_number(path: Path) -> int:
    """A number as sysfs writes it, with 0x where it is hexadecimal; 0 where there is none."""
    with suppress(ValueError):
        return int(read_text(path), 0)
    return 0


def link_name(path: Path) -> str:
    """The last part of where a link leads; empty where there is none. The target is not touched."""
    try:
        return os.path.basename(os.readlink(path))  # noqa: PTH115, PTH119
    except OSError:
        return ""


def names_in(directory: Path | str) -> Iterator[str]:
    """The names in a directory, sorted; none where it is not there."""
    with suppress(OSError):
        yield from sorted(os.listdir(directory))  # noqa: PTH208
