"""A program that cuts the power of `charly` at each of its writes, one run after the other.

    python power_cut.py VERB DIRECTORY

runs `charly VERB` again and again in child processes, the n-th of which is killed (SIGKILL) just
before its n-th change to a file below DIRECTORY or its n-th start of a process, until one comes
through. After each the commands that a person would try are carried out. What happened is printed
as a JSON list.

Python's audit events tell the moments (docs.python.org, audit events table). A child is forked from
a process that has everything imported already: a cut costs a fraction of a second.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from charly_vm.cli import run
from charly_vm.machine.survey import survey
from charly_vm.model.project import load_project

CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.link")
MOST_CUTS = 400

CREATE = ("vm", "create", "check-tiny")
DESTROY = ("vm", "destroy", "check-tiny", "--disk")
UPDATE = ("update", "check-tiny")
PRUNE = ("vm", "prune")

VERBS: dict[str, tuple[Sequence[Sequence[str]], Sequence[str], Sequence[Sequence[str]]]] = {
    # What comes first, what is cut, what a person tries afterwards.
    "create": ((), CREATE, (CREATE, DESTROY)),
    "destroy": ((CREATE,), DESTROY, (DESTROY, PRUNE)),
    "update": ((CREATE,), UPDATE, (UPDATE, DESTROY)),
}


class _Cutter:
    """An audit hook that kills this process before the n-th change."""

    def __init__(self, directory: Path, moment: int) -> None:
        self.directory = str(directory)
        self.moment = moment
        self.count = 0

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._is_change(event, arguments):
            self.count += 1
            if self.count == self.moment:
                os.kill(os.getpid(), signal.SIGKILL)

    def _is_change(self, event: str, arguments: tuple[Any, ...]) -> bool:
        if event == "subprocess.Popen":
            return True
        if event == "open":
            path, _, flags = arguments
            writes = bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
            return writes and self._is_ours(path)
        return event in CHANGES and any(map(self._is_ours, arguments[:2]))

    def _is_ours(self, path: object) -> bool:
        return isinstance(path, str | os.PathLike) and os.fspath(path).startswith(self.directory)


def charly(words: Sequence[str], directory: Path, *, cut: int = 0) -> tuple[int, str]:
    """Run a command in a child; its status (negative for a signal) and what it said."""
    with tempfile.TemporaryFile() as output:
        child = os.fork()
        if child == 0:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            if cut:
                sys.addaudithook(_Cutter(directory, cut))
            status = run(list(words))
            sys.stdout.flush()
            os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        output.seek(0)
        return status, output.read().decode(errors="replace")


def main(verb: str, directory: Path) -> None:
    before, command, afterwards = VERBS[verb]
    # What every child would do again.
    load_project(directory / "charly.yml").target("check-tiny")
    survey()
    cuts = []
    for moment in range(1, MOST_CUTS):
        for words in before:
            _require_good(words, charly(words, directory))
        status, said = charly(command, directory, cut=moment)
        tries = [(*charly(words, directory), " ".join(words)) for words in afterwards]
        cuts.append({"moment": moment, "status": status, "said": said, "tries": tries})
        left = [path.name for path in (directory / "data/charly/vm").glob("*") if path.is_dir()]
        cuts[-1]["left"] = left
        if status != -signal.SIGKILL:
            break
    json.dump(cuts, sys.stdout)


def _require_good(words: Sequence[str], result: tuple[int, str]) -> None:
    if result[0] != 0:
        raise SystemExit(f"{' '.join(words)}: {result[1]}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
