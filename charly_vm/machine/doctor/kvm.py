"""What would make KVM work here, for each thing that keeps it from working."""

from __future__ import annotations

import getpass
import grp
import os
from pathlib import Path

MODULES = {"vmx": "kvm_intel", "svm": "kvm_amd"}
"""The kernel's module by the flag in /proc/cpuinfo."""

NOT_OFFERED = "the firmware or the outer hypervisor has to offer virtualization"


def render_kvm_fix(sudo: str, root: Path = Path("/")) -> str:
    """The command that helps on the host below `root`, or in words what has to be done elsewhere.

    `sudo` is what commands for root begin with. Empty where the device is open and the processor
    can do it: then nothing is known that would help.
    """
    device, module = root / "dev/kvm", _find_module(root)
    if device.exists():
        if not os.access(device, os.R_OK | os.W_OK):
            return _render_opening(device, sudo)
        return "" if module or not _tells_flags(root) else NOT_OFFERED
    if module is None:
        return NOT_OFFERED
    if not (root / "sys/module" / module).is_dir():
        return f"{sudo}modprobe {module}"
    return (
        f"{module} is loaded: hand {device} to this container, or switch virtualization on in "
        "the firmware"
    )


def _find_module(root: Path) -> str | None:
    words = _read_cpuinfo(root)
    return next((module for flag, module in MODULES.items() if flag in words), None)


def _tells_flags(root: Path) -> bool:
    """Whether it is a processor of the kind that has `MODULES`."""
    return "flags" in _read_cpuinfo(root)


def _read_cpuinfo(root: Path) -> frozenset[str]:
    try:
        return frozenset((root / "proc/cpuinfo").read_text().split())
    except OSError:
        return frozenset()


def _render_opening(device: Path, sudo: str) -> str:
    """By its group where that may use the device, else for this user alone."""
    status = device.stat()
    try:
        group = grp.getgrgid(status.st_gid)
    except KeyError:
        group = None
    is_for_group = status.st_mode & 0o060 == 0o060 and status.st_gid != 0
    if group is None or not is_for_group or status.st_gid in os.getgroups():
        return f"{sudo}setfacl -m u:$USER:rw {device}  # until the next boot"
    if getpass.getuser() in group.gr_mem:
        return f"log in again: this login is older than the membership in {group.gr_name}"
    return f"{sudo}usermod -aG {group.gr_name} $USER  # and log in again"
