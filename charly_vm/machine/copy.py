"""`charly vm cp`: which side of a copy is a machine, and the copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from charly_vm.errors import StateError
from charly_vm.guest.transfer import fetch_files, send_files
from charly_vm.host.progress import SILENT, Progress
from charly_vm.machine.machine import require_machine
from charly_vm.model.names import domain_of


@dataclass(frozen=True, slots=True)
class Place:
    """One end of a copy; `machine` is empty for this host."""

    machine: str
    path: str


def parse_place(written: str) -> Place:
    """`NAME:PATH` is in a machine, as with scp; a slash before the colon makes it a local path.

    A name may have its `vm:` in front: `vm:NAME:PATH`.
    """
    text = written.removeprefix("vm:") if written.count(":") > 1 else written
    name, colon, path = text.partition(":")
    if not colon or not name or "/" in name:
        return Place("", written)
    return Place(name, path)


def copy_files(
    sources: Sequence[str],
    destination: str,
    *,
    instance: str = "",
    recursive: bool = False,
    progress: Progress = SILENT,
) -> None:
    """Copy between this host and one machine. Raises `StateError` where not exactly one side is a
    machine, or there is no such machine."""
    begin, end = [parse_place(one) for one in sources], parse_place(destination)
    machines = {one.machine for one in begin}
    if end.machine and machines == {""}:
        machine = require_machine(domain_of(end.machine, instance), progress=progress)
        try:
            send_files(
                machine.guest,
                [Path(one.path) for one in begin],
                end.path,
                recursive=recursive,
                progress=progress,
            )
        finally:
            machine.close()
    elif not end.machine and len(machines) == 1 and "" not in machines:
        machine = require_machine(domain_of(machines.pop(), instance), progress=progress)
        try:
            fetch_files(
                machine.guest,
                [one.path for one in begin],
                Path(end.path),
                recursive=recursive,
                progress=progress,
            )
        finally:
            machine.close()
    else:
        raise StateError(
            "a copy goes from this host to one machine, or from one machine to this host",
            hint="write NAME:PATH for what is in a machine, and ./a:b for a file with a colon",
        )
