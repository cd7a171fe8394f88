"""The host's network bridges, and whether QEMU may put a guest on one.

QEMU has no right to do so itself: qemu-bridge-helper, setuid root, opens the tap for it, on the
bridges that /etc/qemu/bridge.conf allows. See qemu-bridge-helper in QEMU's documentation of
networking.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

HELPERS = (
    "usr/lib/qemu/qemu-bridge-helper",
    "usr/libexec/qemu-bridge-helper",
    "usr/lib/qemu-bridge-helper",
)
"""Debian and Arch; the Red Hat family; older packages of Arch."""

CONFIGURATION = "etc/qemu/bridge.conf"


@dataclass(frozen=True, slots=True)
class Bridges:
    """The bridges by name, and what qemu-bridge-helper is allowed to do."""

    names: tuple[str, ...] = ()
    helper: str = ""
    """Its path, empty where there is none."""
    privileged: bool = False
    """Whether the helper gets the rights that it needs: setuid, or started by root."""
    allowed: tuple[str, ...] = ()
    """From `allow` lines; `all` stands for every bridge."""
    denied: tuple[str, ...] = ()
    """From `deny` lines, which win."""
    unknown: bool = False
    """Whether nothing is known of them: another libvirt says itself what it can use."""

    def obstacle(self, name: str) -> str:
        """Why the helper would not do it for this bridge; empty where it would."""
        if not self.helper:
            return "qemu-bridge-helper is not installed (qemu-system-common, qemu-common)"
        if not self.privileged:
            return f"{self.helper} is not setuid root"
        names = {name, "all"}
        if names & set(self.denied) or not names & set(self.allowed):
            return f"/{CONFIGURATION} does not allow it"
        return ""


NO_BRIDGES = Bridges()
ANY_BRIDGE = Bridges(unknown=True)


def probe_bridges(root: Path = Path("/")) -> Bridges:
    """Look at sysfs and the helper's configuration below `root`."""
    classes = root / "sys/class/net"
    entries = sorted(classes.iterdir()) if classes.is_dir() else []
    helper = next((root / path for path in HELPERS if (root / path).is_file()), None)
    rules = _read_rules(root, root / CONFIGURATION, depth=0)
    return Bridges(
        names=tuple(entry.name for entry in entries if (entry / "bridge").is_dir()),
        helper=str(helper or ""),
        privileged=os.getuid() == 0
        or (helper is not None and bool(helper.stat().st_mode & stat.S_ISUID)),
        allowed=tuple(name for verb, name in rules if verb == "allow"),
        denied=tuple(name for verb, name in rules if verb == "deny"),
    )


def _read_rules(root: Path, file: Path, depth: int) -> list[tuple[str, str]]:
    """The file's `allow` and `deny` lines, with those of the files that it includes."""
    try:
        text = file.read_text()
    except OSError:
        return []
    rules: list[tuple[str, str]] = []
    for line in text.splitlines():
        match line.split():
            case [("allow" | "deny") as verb, name]:
                rules.append((verb, name))
            case ["include", path] if depth < 8:
                rules += _read_rules(root, root / path.lstrip("/"), depth + 1)
    return rules
