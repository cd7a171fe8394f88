"""The `charly` command, for what has to call it later or elsewhere."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path


def find_charly() -> str:
    """The one beside this Python, else the one on the PATH."""
    beside = Path(sys.executable).with_name("charly")
    return str(beside) if beside.exists() else shutil.which("charly") or "charly"
