"""Where a builder of another distribution than the host's finds its packages.

A host that is the distribution has its own configuration for it. On any other the user writes one,
in the package manager's own format, to `bootstrap/DISTRIBUTION/` of charly's configuration
directory: `pacman.conf`, or files ending in `.repo` for dnf.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from charly_vm.host.files import explain_os_errors
from charly_vm.host.paths import config_directory


def repositories_directory(distribution: str) -> Path:
    """Where the files of one distribution belong, by its name in `distro:`; need not exist."""
    return written_directory() / distribution


def written_directory() -> Path:
    """Where those of all distributions are; need not exist."""
    return config_directory() / "bootstrap"


def read_repositories(distribution: str, pattern: str) -> Mapping[Path, str]:
    """The files there whose names match a glob, with their text; none where nobody wrote any.

    Raises `HostError` for a file that cannot be read.
    """
    found = sorted(repositories_directory(distribution).glob(pattern))
    texts = {}
    for path in found:
        with explain_os_errors(f"read {path}"):
            texts[path] = path.read_text()
    return texts
