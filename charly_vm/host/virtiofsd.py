"""virtiofsd: the program that serves a host's directory to a guest.

Found as libvirt finds it, by the descriptors of QEMU's docs/interop/vhost-user.json.
"""

from __future__ import annotations

import json
from pathlib import Path

DESCRIPTORS = ("etc/qemu/vhost-user", "usr/share/qemu/vhost-user")
"""Where an administrator's and a package's are; a file of the same name in the first one wins."""


def find_virtiofsd(root: Path = Path("/")) -> str:
    """The program's path, empty where none is installed."""
    found: dict[str, Path] = {}
    for directory in reversed(DESCRIPTORS):
        found |= {path.name: path for path in (root / directory).glob("*.json")}
    for _, path in sorted(found.items()):
        try:
            described = json.loads(path.read_text())
            binary: str = described["binary"]
            serves_files = described["type"] == "fs"
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if serves_files and (root / binary.lstrip("/")).is_file():
            return binary
    return ""
