"""The snapshots that an entity names beforehand, and what a command line says instead."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from charly_vm.errors import CharlyError
from charly_vm.host.progress import SILENT, Progress
from charly_vm.machine.records import MachineRecord
from charly_vm.machine.snapshot_record import Mode
from charly_vm.machine.snapshots import Wish


def find_wishes(record: MachineRecord, progress: Progress = SILENT) -> Mapping[str, Wish]:
    """The snapshots in the entity of a machine, by name and in the file's order.

    A machine needs its project no longer once it is made: one that cannot be read is noted.
    """
    from charly_vm.model.project import load_project

    file = Path(record.project)
    if not file.exists():
        return {}
    try:
        entity = load_project(file).target(record.name, record.instance).entity
    except CharlyError as error:
        progress.note(f"the snapshots that {file} names are not known: {error.message}")
        return {}
    return {
        one.name: Wish(one.name, Mode(one.mode), one.description, one.quiesce, one.from_ or "")
        for one in entity.snapshot
    }
