"""What git says about a directory."""

from __future__ import annotations

from pathlib import Path

from charly_vm.errors import CharlyError
from charly_vm.host.process import find_tool, run


def find_commit(directory: Path) -> str:
    """The commit that is checked out there, with `-dirty` where tracked files are changed.

    Empty where there is no git, no repository, or none that git wants to read for us.
    """
    git = find_tool("git")
    if git is None:
        return ""
    words = ["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = run([git, "-C", directory, *words], timeout=5, check=False)
    except CharlyError:
        return ""
    return done.stdout.strip() if done.status == 0 else ""
