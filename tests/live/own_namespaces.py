"""Namespaces of a test's own: what is mounted, made or started in them ends with their keeper.

Root may make them anywhere; others where the host lets users do so, as root of a namespace of
users.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from charly_vm.host.process import Completed, require_tool, run, spawn
from charly_vm.host.waiting import Deadline, NotYet, wait_for

OWN_ETC = """
mkdir "$1/etc"
# In memory, and gone with the namespace: there are secrets among these files.
mount -t tmpfs tmpfs "$1/etc"
cp --archive /etc/. "$1/etc" 2>/dev/null || true
# mount's own table is the host's, where an older one fails that may not write to it.
mount --no-mtab --move "$1/etc" /etc
"""
"""Shell for the beginning of `setting_up`: /etc is a copy from here on."""


@dataclass(frozen=True)
class Namespaces:
    """Mounts and network, and processes where `processes` says so, by the process that keeps
    them."""

    keeper: int
    processes: bool

    def prefix(self, directory: Path) -> list[str | Path]:
        """What runs a command in the namespaces, in a directory."""
        flags = ["--target", str(self.keeper), "--mount", "--net"]
        if self.processes:
            # The keeper's own is the one that it was started in.
            flags.append(f"--pid=/proc/{self.keeper}/ns/pid_for_children")
        if os.getuid() != 0:
            flags += ["--user", "--preserve-credentials"]
        return ["nsenter", *flags, "--", "env", "-C", directory]

    def run(self, *words: str | Path) -> Completed:
        return run([*self.prefix(Path("/")), *words], timeout=30)


@contextmanager
def namespaces(
    directory: Path, setting_up: str, *, processes: bool = False, seconds: float = 20
) -> Iterator[Namespaces]:
    """Ended with the block.

    `setting_up` is a shell script. It has the directory as $1, says `ready` in a line of its own
    within `seconds`, and stays. With `processes` it is process 1, the parent of all that daemons
    leave behind, and has to reap it: a shell does, while it waits.
    """
    unshare = [str(require_tool("unshare", package="util-linux")), "--mount", "--net"]
    if os.getuid() != 0:
        # And those of the subordinate range, whom daemons become.
        unshare += ["--user", "--map-root-user", "--map-auto"]
    if processes:
        unshare += ["--pid", "--fork", "--kill-child"]
    log = directory / "namespaces.log"
    with log.open("wb") as output:
        keeper = spawn([*unshare, "sh", "-ec", setting_up, "sh", directory], output=output)

    def probe() -> bool | NotYet:
        said = log.read_text(errors="replace")
        if keeper.poll() is not None:
            raise AssertionError(f"no namespaces of our own: {said}")
        return True if "ready" in said.splitlines() else NotYet(said[-2000:])

    try:
        wait_for("the namespaces", probe, Deadline(seconds))
        yield Namespaces(keeper.pid, processes)
    finally:
        keeper.kill()
        keeper.wait()
