"""Who a user is, and the ids that the user may give away: subuid(5), subgid(5)."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SubordinateIds:
    """One line of /etc/subuid or /etc/subgid: `count` ids of the host from `start` on."""

    start: int
    count: int


@dataclass(frozen=True, slots=True)
class HostUser:
    """Who runs a machine's processes: the ids of the account, and those that it may give away."""

    uid: int
    gid: int
    subuids: SubordinateIds | None = None
    subgids: SubordinateIds | None = None


def this_user(root: Path = Path("/")) -> HostUser:
    """Us, with the first range of each file."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        # An id without an account, as in some containers.
        name = str(uid)
    owners = (name, str(uid))
    return HostUser(
        uid,
        os.getgid(),
        _find_range(root / "etc/subuid", owners),
        _find_range(root / "etc/subgid", owners),
    )


def _find_range(file: Path, owners: tuple[str, ...]) -> SubordinateIds | None:
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        match line.split(":"):
            case [owner, start, count] if owner in owners and start.isdigit() and count.isdigit():
                return SubordinateIds(int(start), int(count))
    return None
