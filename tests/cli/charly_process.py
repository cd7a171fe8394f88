"""`charly` as a process, with directories of its own."""

from __future__ import annotations

import sys
from pathlib import Path

from charly_vm.host.process import Completed, run


class Charly:
    """Runs `charly`; what is in `environment` is added to ours."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment = {
            f"XDG_{name}_HOME": str(directory / name.lower())
            for name in ("DATA", "CACHE", "STATE", "CONFIG")
        }
        (directory / "run").mkdir(mode=0o700)
        self.environment["XDG_RUNTIME_DIR"] = str(directory / "run")
        # For what is the user's own, such as ~/.ssh.
        self.environment["HOME"] = str(directory / "home")

    def __call__(self, *words: str, cwd: Path | None = None) -> Completed:
        charly = Path(sys.executable).with_name("charly")
        return run(
            [charly, *words],
            timeout=60,
            check=False,
            env=self.environment,
            cwd=cwd or self.directory,
        )
