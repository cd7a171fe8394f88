"""Which boot of the host this is: what is only true until a reboot is stamped with it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Moment:
    """When something is so."""

    seconds: float
    """Since the epoch."""
    boot_id: str


def boot_id() -> str:
    """The kernel's random id of this boot; see random(4)."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def this_moment() -> Moment:
    return Moment(time.time(), boot_id())
