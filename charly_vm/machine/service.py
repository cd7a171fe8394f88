"""A service that its author tells how to stop, start and query: commands of the host's shell."""

from __future__ import annotations

import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from charly_vm.errors import LaunchError
from charly_vm.host.process import describe_status, end_group, require_tool, spawn, tail_text

QUERY_SECONDS = 20.0
"""For a command that only asks."""
START_SECONDS = 120.0
LOOK_EVERY = 0.2
ASKED_BY_ARBITER = "CHARLY_ASKED_BY_ARBITER"
"""Set for these commands, which may be ours: they leave it to the arbiter who is started again."""


@dataclass(frozen=True, slots=True)
class Service:
    """The commands, and the directory that they run in."""

    name: str
    stop_command: str
    start_command: str
    running_command: str
    directory: Path

    def is_running(self) -> bool:
        return succeeds(self.running_command, self.directory)

    def stop(self, seconds: float) -> bool:
        """Run the command, and wait until the service says that it is down; whether it is."""
        end = time.monotonic() + seconds
        _run(f"stop {self.name}", self.stop_command, self.directory, seconds)
        return self._becomes(False, end)

    def start(self) -> None:
        """Raises `LaunchError` where the command fails, or the service is not up after it."""
        end = time.monotonic() + START_SECONDS
        _run(f"start {self.name}", self.start_command, self.directory, START_SECONDS)
        if not self._becomes(True, end):
            raise LaunchError(
                f"{self.name} was started, and `{self.running_command}` still fails after "
                f"{START_SECONDS:.0f} s"
            )

    def _becomes(self, up: bool, end: float) -> bool:
        while self.is_running() != up:
            if time.monotonic() >= end:
                return False
            time.sleep(LOOK_EVERY)
        return True


def succeeds(command: str, directory: Path) -> bool:
    """Whether a command that only asks succeeds; one that does not end in time does not."""
    return _status(command, directory, QUERY_SECONDS)[0] == 0


def _run(what: str, command: str, directory: Path, seconds: float) -> None:
    status, said = _status(command, directory, seconds)
    if status is None:
        raise LaunchError(f"cannot {what}: its command takes longer than {seconds:.0f} s", log=said)
    if status:
        raise LaunchError(
            f"cannot {what}: its command failed ({describe_status(status)})",
            argv=["sh", "-c", command],
            status=status,
            log=said,
        )


def _status(command: str, directory: Path, seconds: float) -> tuple[int | None, str]:
    """The exit status of a command, None where it does not end in time, and what it said.

    What it leaves running keeps nothing of ours open but that output.
    """
    shell = require_tool("sh", package="dash")
    with tempfile.TemporaryFile() as output:
        child = spawn(
            [shell, "-c", f'cd -- "$0" || exit\n{command}', directory],
            output=output,
            env={ASKED_BY_ARBITER: "1"},
        )
        try:
            status: int | None = child.wait(seconds)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            if child.poll() is None:
                end_group(child)
        output.seek(0)
        return status, tail_text(output.read().decode("utf-8", "replace"))
