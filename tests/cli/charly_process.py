"""`charly` as a process, with directories of its own."""

from __future__ import annotations

from pathlib import Path

from warm_start import WarmStart

from charly_vm.host.process import Completed


class Charly:
    """Runs `charly`; what is in `environment` is added to ours."""

    def __init__(self, directory: Path, warm_start: WarmStart) -> None:
        self.directory = directory
        self._warm_start = warm_start
        self.environment = {
            f"XDG_{name}_HOME": str(directory / name.lower())
            for name in ("DATA", "CACHE", "STATE", "CONFIG")
        }
        (directory / "run").mkdir(mode=0o700)
        self.environment["XDG_RUNTIME_DIR"] = str(directory / "run")
        # For what is the user's own, such as ~/.ssh.
        self.environment["HOME"] = str(directory / "home")

    def __call__(self, *words: str, cwd: Path | None = None) -> Completed:
        return self._warm_start.run(
            "charly", words, directory=cwd or self.directory, environment=self.environment
        )
