"""Which boot of the host this is: what is only true until a reboot is stamped with it."""

from __future__ import annotations

from pathlib import Path


def boot_id() -> str:
    """The kernel's random id of this boot; see random(4)."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
