"""What is known about a machine's snapshots, on disk beside its record.

A verb that changes something writes first what it is about to do. Who finds that and holds the
machine knows that nobody will finish it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from charly_vm.errors import StateError
from charly_vm.host.files import explain_os_errors, write_atomically
from charly_vm.model.resolved import Paths

VERSION = 1


class Mode(str, Enum):
    """Where a snapshot is."""

    EXTERNAL = "external"
    """The disk's image so far, left as it is; the machine writes to another one on top of it."""
    INTERNAL = "internal"
    """Inside the disk's image, with the memory where the machine ran."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One snapshot."""

    name: str
    mode: Mode
    description: str
    created: str
    """UTC, ISO 8601."""
    parent: str
    """The snapshot on which the machine's state was based then; empty without one."""
    memory: bool = False
    quiesced: bool = False
    layer: Path = Path()
    """Of an external one: its image, below the machine's directory."""


class Verb(str, Enum):
    CREATE = "create"
    REVERT = "revert"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Pending:
    """What was begun. `layer` is the image that it makes or takes away, below the directory."""

    verb: Verb
    name: str
    layer: Path = Path()


@dataclass(frozen=True, slots=True)
class SnapshotRecord:
    """All of a machine's snapshots, the oldest first."""

    snapshots: tuple[Snapshot, ...] = ()
    current: str = ""
    """The one that the machine's state is based on, empty without one."""
    pending: Pending | None = None

    def find(self, name: str) -> Snapshot | None:
        return next((one for one in self.snapshots if one.name == name), None)

    def names(self, mode: Mode) -> list[str]:
        return [one.name for one in self.snapshots if one.mode is mode]

    def with_snapshot(self, snapshot: Snapshot) -> SnapshotRecord:
        """With this one, in the place of the one of its name or at the end."""
        if self.find(snapshot.name) is None:
            return dataclasses.replace(self, snapshots=(*self.snapshots, snapshot))
        changed = tuple(snapshot if one.name == snapshot.name else one for one in self.snapshots)
        return dataclasses.replace(self, snapshots=changed)

    def without(self, name: str) -> SnapshotRecord:
        """Without one; what was based on it is based on its parent."""
        gone = self.find(name)
        parent = gone.parent if gone else ""
        kept = tuple(
            dataclasses.replace(one, parent=parent) if one.parent == name else one
            for one in self.snapshots
            if one.name != name
        )
        current = parent if self.current == name else self.current
        return dataclasses.replace(self, snapshots=kept, current=current)


def snapshot_record_file(paths: Paths) -> Path:
    return paths.directory / "snapshots.json"


def write_snapshots(paths: Paths, record: SnapshotRecord) -> None:
    data = {"version": VERSION, **dataclasses.asdict(record)}
    write_atomically(snapshot_record_file(paths), json.dumps(data, indent=2, default=str) + "\n")


def read_snapshots(paths: Paths) -> SnapshotRecord:
    """The record; an empty one where there is none. Raises `StateError` where it is no record."""
    file = snapshot_record_file(paths)
    with explain_os_errors(f"read {file}"):
        try:
            text = file.read_text()
        except FileNotFoundError:
            return SnapshotRecord()
    try:
        data = json.loads(text)
        if data["version"] != VERSION:
            raise ValueError(f"it has format {data['version']}, this charly reads {VERSION}")
        return _record(data)
    except (KeyError, TypeError, ValueError) as error:
        raise StateError(
            f"{file} cannot be understood: {error}",
            hint="the images that it speaks of are beside it; nothing was changed",
        ) from error


def _record(data: Mapping[str, Any]) -> SnapshotRecord:
    pending = data["pending"]
    return SnapshotRecord(
        tuple(
            Snapshot(**{**one, "mode": Mode(one["mode"]), "layer": Path(one["layer"])})
            for one in data["snapshots"]
        ),
        data["current"],
        pending and Pending(Verb(pending["verb"]), pending["name"], Path(pending["layer"])),
    )
