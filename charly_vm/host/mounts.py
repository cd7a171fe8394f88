"""Which file system a path is on; see proc_pid_mountinfo(5)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")


def find_file_system(path: Path) -> str:
    """Its type as mount(8) has it, `ext4` or `nfs4`, also for a path that is not there yet; empty
    where nobody says it."""
    # First, since what is mounted on demand is mounted by whoever goes there.
    path = path.resolve()
    try:
        lines = MOUNTS.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return ""
    return find_type(path, lines)


def find_type(path: Path, lines: Iterable[str]) -> str:
    """The type of the innermost mount that holds an absolute path; of several on one another the
    last."""
    found, depth = "", -1
    for line in lines:
        before, dash, after = line.partition(" - ")
        fields = before.split(" ")
        if not dash or len(fields) < 5:
            continue
        point = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4]))
        if path.is_relative_to(point) and len(point.parts) >= depth:
            found, depth = after.split(" ")[0], len(point.parts)
    return found
