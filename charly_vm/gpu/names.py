"""Names of PCI devices, from the pci.ids database that the host has."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

DATABASES = (
    Path("/usr/share/hwdata/pci.ids"),
    Path("/usr/share/misc/pci.ids"),
    Path("/usr/share/pci.ids"),
)
"""Where distributions keep it: Fedora and Arch, Debian, others."""

Id = tuple[int, int]
"""Vendor and device."""


def find_names(ids: Iterable[Id], databases: Iterable[Path] = DATABASES) -> dict[Id, str]:
    """A name for each of these devices: the maker's and the model's, or as much as is known."""
    wanted = set(ids)
    vendors: dict[int, str] = {}
    devices: dict[Id, str] = {}
    for database in databases:
        try:
            text = database.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        vendors, devices = _search("\n" + text, wanted)
        break
    return {one: _name(one, vendors, devices) for one in wanted}


def _search(text: str, wanted: set[Id]) -> tuple[dict[int, str], dict[Id, str]]:
    """A vendor's line begins in the first column with its id, a device's with one tab below it."""
    vendors: dict[int, str] = {}
    devices: dict[Id, str] = {}
    for vendor in {one[0] for one in wanted}:
        start = text.find(f"\n{vendor:04x}  ")
        if start < 0:
            continue
        first, *rest = _block(text, start + 1)
        vendors[vendor] = first[6:].strip()
        for line in rest:
            if line.startswith("\t") and not line.startswith("\t\t"):
                written, _, name = line[1:].partition("  ")
                try:
                    device = (vendor, int(written, 16))
                except ValueError:
                    continue
                if device in wanted:
                    devices[device] = name.strip()
    return vendors, devices


def _block(text: str, start: int) -> list[str]:
    """A vendor's line and those below it."""
    lines: list[str] = []
    position = start
    while position < len(text):
        end = text.find("\n", position)
        end = len(text) if end < 0 else end
        line = text[position:end]
        if lines and line and not line.startswith(("\t", "#")):
            break
        lines.append(line)
        position = end + 1
    return lines


def _name(one: Id, vendors: dict[int, str], devices: dict[Id, str]) -> str:
    vendor = vendors.get(one[0], f"vendor {one[0]:04x}")
    # The maker's name is long for people: what it is known as stands in brackets.
    short = vendor.partition("[")[2].partition("]")[0] or vendor
    return f"{short} {devices.get(one, f'device {one[1]:04x}')}"
