"""A program that cuts the power of `charly` at each of its writes, one run after the other.

    python power_cut.py VERB DIRECTORY [WATCHED]

runs `charly VERB` again and again in child processes, the n-th of which is killed (SIGKILL) just
before its n-th change: to a file below WATCHED, which is DIRECTORY where it is not given, to a
domain of libvirt's, or the start of a process, until one comes through. With libvirt these are each
change to a domain and the first one behind it; the others are those of the qemu backend. After each
the commands that a person would try are carried out. What happened is printed as a JSON list.

Python's audit events tell the moments (docs.python.org, audit events table). A child is forked from
a process that has everything imported already: a cut costs a fraction of a second.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from charly_vm.cli import run
from charly_vm.machine.survey import survey
from charly_vm.model.project import load_project

CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.link")
DOMAIN_CHANGES = (
    *("virDomainDefineXML", "virDomainDefineXMLFlags", "virDomainSetAutostart"),
    *("virDomainCreate", "virDomainCreateWithFlags", "virDomainDestroy", "virDomainDestroyFlags"),
    *("virDomainUndefine", "virDomainUndefineFlags"),
)
"""What libvirt's binding calls its C functions."""
MOST_CUTS = 400

CREATE = ("vm", "create", "check-tiny")
DESTROY = ("vm", "destroy", "check-tiny", "--disk")
UPDATE = ("update", "check-tiny")
PRUNE = ("vm", "prune")
STATUS = ("preempt", "status", "--json")
CLAIM = ("claim", "usb-dongle", "--", "true")
RESTORE = ("preempt", "restore")

VERBS: dict[str, tuple[Sequence[Sequence[str]], Sequence[str], Sequence[Sequence[str]]]] = {
    # What comes first, what is cut, what a person tries afterwards.
    "create": ((), CREATE, (CREATE, DESTROY)),
    "destroy": ((CREATE,), DESTROY, (DESTROY, PRUNE)),
    "update": ((CREATE,), UPDATE, (UPDATE, DESTROY)),
    # The machine gives way to the claimant, by force: it has no guest.
    "claim": ((), CLAIM, (RESTORE, STATUS)),
}


WARM_UP = {"claim": (CLAIM, STATUS)}
"""What is done once for all children, where it is not to create and to destroy."""


class _Cutter:
    """Kills this process before the n-th change, of which audit events and libvirt's functions
    tell."""

    def __init__(self, directory: Path, moment: int, *, opening: bool) -> None:
        """`opening` is whether a file that is opened to be written counts."""
        self.directory = str(directory)
        self.opening = opening
        self.moment = moment
        self.count = 0
        self.every = os.environ["CHARLY_VM_BACKEND"] == "qemu"
        self.counts_next = False

    def watch(self) -> None:
        """From now on; for good."""
        sys.addaudithook(self._hear)
        with contextlib.suppress(ImportError):
            binding = importlib.import_module("libvirtmod")
            for name in DOMAIN_CHANGES:
                setattr(binding, name, self._counted(getattr(binding, name)))

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if (self.every or self.counts_next) and self._is_change(event, arguments):
            self.counts_next = False
            self._change()

    def _counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*arguments: Any) -> Any:
            self._change()
            self.counts_next = True
            return function(*arguments)

        return changed

    def _change(self) -> None:
        self.count += 1
        if self.count == self.moment:
            os.kill(os.getpid(), signal.SIGKILL)

    def _is_change(self, event: str, arguments: tuple[Any, ...]) -> bool:
        if event == "subprocess.Popen":
            return True
        if event == "open" and self.opening:
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
                # The ledger's files are written aside, and only their renaming is a change.
                _Cutter(directory, cut, opening=directory.name != "leases").watch()
            status = run(list(words))
            sys.stdout.flush()
            os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        output.seek(0)
        return status, output.read().decode(errors="replace")


def main(verb: str, directory: Path, watched: Path) -> None:
    before, command, afterwards = VERBS[verb]
    _do_what_every_child_would(directory, WARM_UP.get(verb, (CREATE, DESTROY)))
    cuts = []
    for moment in range(1, MOST_CUTS):
        for words in before:
            _require_good(words, charly(words, directory))
        status, said = charly(command, watched, cut=moment)
        tries = [(*charly(words, directory), " ".join(words)) for words in afterwards]
        cuts.append({"moment": moment, "status": status, "said": said, "tries": tries})
        left = [path.name for path in (directory / "data/charly/vm").glob("*") if path.is_dir()]
        cuts[-1]["left"] = left
        if status != -signal.SIGKILL:
            break
    json.dump(cuts, sys.stdout)


def _do_what_every_child_would(directory: Path, commands: Sequence[Sequence[str]]) -> None:
    """Import all that a command imports, make the models, and look at the host."""
    loaded = directory / "modules"
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        for words in commands:
            run([*words])
        loaded.write_text("\n".join(sys.modules))
        os._exit(0)
    os.waitpid(child, 0)
    for name in loaded.read_text().splitlines():
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    load_project(directory / "charly.yml").target("check-tiny")
    if os.environ["CHARLY_VM_BACKEND"] == "qemu":
        # A connection to libvirt is no child's to use.
        survey()
    # The children leave the memory that they share with us as it is.
    gc.freeze()
    gc.disable()


def _require_good(words: Sequence[str], result: tuple[int, str]) -> None:
    if result[0] != 0:
        raise SystemExit(f"{' '.join(words)}: {result[1]}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[-1]))
