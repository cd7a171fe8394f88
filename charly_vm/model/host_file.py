"""The per-host file: nodes of this host alone, which take precedence over any project's."""

from __future__ import annotations

from pathlib import Path

from platformdirs import PlatformDirs

from charly_vm.model.discovery import FILE_NAME


def host_file() -> Path:
    """Where it is, whether it exists or not: `charly/charly.yml` in the XDG config directory."""
    return PlatformDirs("charly", appauthor=False).user_config_path / FILE_NAME
