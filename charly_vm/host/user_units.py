"""Units of the user's own systemd: written and enabled, also where no systemd runs yet.

Lingering has systemd run a user's units before anybody logs in.
"""

from __future__ import annotations

import getpass
import os
from pathlib import Path

from charly_vm.errors import CharlyError
from charly_vm.host.files import explain_os_errors, write_atomically
from charly_vm.host.process import find_tool, run

SYSTEMCTL_SECONDS = 20.0
LINGERING = Path("/var/lib/systemd/linger")
"""Holds a file for each user whose units run without a login; see loginctl(1)."""


def units_directory() -> Path:
    """Where systemd looks for a user's own units."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "systemd" / "user"


def is_enabled(name: str) -> bool:
    """Whether a unit of this name was enabled here."""
    return (units_directory() / name).exists() or _link(name).is_symlink()


def enable_unit(name: str, text: str) -> list[str]:
    """Write a unit, enable it and have it run without a login. Returns what is missing for that on
    this host, in words."""
    unit = units_directory() / name
    with explain_os_errors(f"write {unit}"):
        unit.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(unit, text, mode=0o644)
        link = _link(name)
        link.parent.mkdir(exist_ok=True)
        # What `systemctl --user enable` does, and it works where no systemd runs as well.
        link.unlink(missing_ok=True)
        link.symlink_to(unit)
    return [*_reload(), *_linger()]


def disable_unit(name: str) -> None:
    """Remove a unit, where there is one. Lingering stays: other units may need it."""
    if not is_enabled(name):
        return
    unit = units_directory() / name
    with explain_os_errors(f"remove {unit}"):
        _link(name).unlink(missing_ok=True)
        unit.unlink(missing_ok=True)
    _reload()


def lingers() -> bool:
    """Whether this user's units run without a login."""
    return (LINGERING / getpass.getuser()).exists()


def has_user_systemd() -> bool:
    """Whether a systemd of this user's runs."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return bool(runtime) and Path(runtime or "", "systemd").is_dir()


def _link(name: str) -> Path:
    return units_directory() / "default.target.wants" / name


def _reload() -> list[str]:
    systemctl = find_tool("systemctl")
    if systemctl is None or not has_user_systemd():
        return ["no systemd runs for this user"]
    return _tried([systemctl, "--user", "daemon-reload"])


def _linger() -> list[str]:
    if lingers():
        return []
    loginctl = find_tool("loginctl")
    if loginctl is None or not Path("/run/systemd/system").is_dir():
        return ["no systemd runs this host"]
    problem = _tried([loginctl, "enable-linger"])
    return [f"run `sudo loginctl enable-linger {getpass.getuser()}`"] if problem else []


def _tried(argv: list[Path | str]) -> list[str]:
    try:
        run(argv, timeout=SYSTEMCTL_SECONDS)
    except CharlyError as error:
        return [error.message]
    return []
