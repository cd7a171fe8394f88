"""Programs that stand in for the system's: a directory for PATH, and a log of the calls."""

from __future__ import annotations

import os
from pathlib import Path

from charly_vm.host.process import Completed, require_tool, run

CHECKOUT = Path(__file__).parents[2]
SHELL_TOOLS = ("awk", "bash", "cat", "comm", "dirname", "env", "grep", "sed", "sort", "touch")


class StandIns:
    """Shell scripts by name. Each call is appended to the log with its arguments."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.programs = directory / "bin"
        self.programs.mkdir(parents=True)
        self._log = directory / "calls"
        self._log.touch()

    def add(self, name: str, script: str = "") -> Path:
        """Put a bash script under this name; `script` runs after the call was logged."""
        path = self.programs / name
        bash = require_tool("bash", package="bash")
        path.write_text(f'#!{bash}\nprintf "%s\\n" "{name} $*" >>"{self._log}"\n{script}\n')
        path.chmod(0o755)
        return path

    @property
    def calls(self) -> list[str]:
        return self._log.read_text().splitlines()

    def run(self, script: Path, *words: str, alone: bool = False, **env: str) -> Completed:
        """Run a script with these words and the stand-ins first in PATH; `alone`, only the shell's
        tools follow."""
        if alone:
            for tool in SHELL_TOOLS:
                link = self.programs / tool
                if not link.exists():
                    link.symlink_to(require_tool(tool, package=tool))
        path = str(self.programs) if alone else f"{self.programs}:{os.environ['PATH']}"
        bash = require_tool("bash", package="bash")
        return run([bash, script, *words], timeout=30, check=False, env={"PATH": path, **env})
