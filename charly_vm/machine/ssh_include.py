"""The one line by which a user's own ssh learns of the machines."""

from __future__ import annotations

import shlex
from pathlib import Path

from charly_vm.host.files import explain_os_errors, write_atomically
from charly_vm.machine.ssh_config import ssh_config_file


def user_ssh_config() -> Path:
    return Path.home() / ".ssh" / "config"


def includes_stanzas(text: str) -> bool:
    """Whether a configuration includes ours for every host: before the first `Host` or `Match`."""
    for line in text.splitlines():
        try:
            # ssh_config(5): a keyword and its arguments, with blanks or an equals sign between.
            words = shlex.split(line.replace("=", " ", 1), comments=True)
        except ValueError:
            continue
        keyword = words[0].lower() if words else ""
        if keyword in ("host", "match"):
            return False
        if keyword == "include" and any(_absolute(word) == ssh_config_file() for word in words[1:]):
            return True
    return False


def include_stanzas() -> bool:
    """Put the line at the beginning of `~/.ssh/config`; whether it was missing."""
    # Whoever keeps it elsewhere has a link here, and keeps it.
    config = user_ssh_config().resolve()
    with explain_os_errors(f"read {config}"):
        text = config.read_text() if config.exists() else ""
        if includes_stanzas(text):
            return False
        config.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = config.stat().st_mode & 0o777 if config.exists() else 0o600
    write_atomically(config, f"Include {_quoted(ssh_config_file())}\n\n{text}", mode=mode)
    return True


def _absolute(word: str) -> Path:
    path = Path(word).expanduser()
    return path if path.is_absolute() else Path.home() / ".ssh" / path


def _quoted(path: Path) -> str:
    return f'"{path}"' if " " in str(path) else str(path)
