"""What is known about each machine, on disk: enough to find, judge and remove it after kill -9.

One `machine.json` per machine directory, replaced atomically, written before whatever it speaks
of is made. Whether the machine runs is never in it: that is asked of the backend.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from charly_vm.arbiter.wish import Wish
from charly_vm.errors import HostError, StateError
from charly_vm.host.files import explain_os_errors, write_atomically
from charly_vm.host.paths import machines_directory, runtime_directory
from charly_vm.model.block import Block
from charly_vm.model.forwards import PortForward
from charly_vm.model.protocols import Domain, domain_of
from charly_vm.model.resolved import (
    BackendName,
    Carrier,
    Hypervisor,
    Paths,
    ResolvedFirmware,
    ResolvedMachine,
    ResolvedNetwork,
)

VERSION = 3


class Stage(str, Enum):
    """How far a machine has come. An interrupted step leaves its stage behind."""

    CREATING = "creating"
    CREATED = "created"
    DESTROYING = "destroying"
    DISK_KEPT = "disk kept"
    """Undefined, but its disk is there for the next create."""


class Purpose(str, Enum):
    """For whom a machine is there, which says how long it lives."""

    COMMAND = "command"
    """Somebody made it by hand: until somebody destroys it."""
    BED = "bed"
    """A run of checks: as long as the run holds the machine's lock."""
    KEPT = "kept"
    """A bed's machine that was kept to look at: until it expires, the bed runs again or it is
    destroyed."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Who made a machine. The pid is for people; whether the owner lives is told by its lock."""

    purpose: Purpose
    pid: int
    command: str
    since: str
    """UTC, ISO 8601."""
    boot_id: str
    expires: str = ""
    """When a machine that is kept is removed, as `since`; empty where nobody removes it."""

    def __str__(self) -> str:
        return f"{self.command} (pid {self.pid}, since {self.since})"


@dataclass(frozen=True, slots=True)
class GivesWay:
    """How a deploy is stopped for a claimant, and started again; see `model.deploy.Preemptible`.
    The commands are empty for a machine that is simply shut down and booted."""

    wish: Wish
    """What it has while it runs."""
    grace: float
    """How long it may take to stop, in seconds."""
    on_success: bool
    stop: str = ""
    start: str = ""
    running: str = ""
    unless: str = ""


@dataclass(frozen=True, slots=True)
class MachineRecord:
    """One machine. `base` is the image below its overlay."""

    name: str
    instance: str
    entity: str
    project: str
    stage: Stage
    disk_kept: bool
    """Whether the overlay is older than this incarnation and has to survive a failed create."""
    owner: Owner
    base: str
    machine: ResolvedMachine
    claims: Wish = field(default_factory=Wish)
    """What its deploy requires for as long as it is there."""
    gives_way: GivesWay | None = None
    """How it gives way to a claimant, where its deploy agrees to."""

    @property
    def domain(self) -> Domain:
        return domain_of(self.machine)

    @property
    def is_bound_to_owner(self) -> bool:
        """Whether it makes sense only while its owner lives: unfinished, or of a running bed."""
        unfinished = self.stage in (Stage.CREATING, Stage.DESTROYING)
        return unfinished or (self.stage is Stage.CREATED and self.owner.purpose is Purpose.BED)

    def is_expired(self, moment: str) -> bool:
        """Whether it was kept for a time that is over at a moment, which is as `now` tells it."""
        return self.owner.purpose is Purpose.KEPT and "" < self.owner.expires <= moment

    @property
    def label(self) -> str:
        """The name as a person would type it."""
        return f"{self.name} -i {self.instance}" if self.instance else self.name


def now(*, after: float = 0) -> str:
    """This moment, or the one `after` so many seconds: UTC, ISO 8601, which sorts as time does."""
    moment = datetime.now(UTC) + timedelta(seconds=after)
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def paths_of(domain: str) -> Paths:
    """Where a machine of this name has its files, whether it exists or not.

    The sockets' directory is short however long the name is, and another one for a machine of the
    same name in another data directory.
    """
    directory = machines_directory() / domain
    digest = hashlib.sha256(str(directory).encode()).hexdigest()
    return Paths(directory, runtime_directory() / digest[:16])


def machine_lock(domain: str) -> Path:
    """The file whose lock says that somebody works on this machine; never removed."""
    return machines_directory() / f"{domain}.lock"


def record_as_json(record: MachineRecord) -> str:
    data = {"version": VERSION, **dataclasses.asdict(record)}
    return json.dumps(data, indent=2, default=_plain) + "\n"


def _plain(value: Any) -> Any:
    return value.data if isinstance(value, Block) else str(value)


def write_record(record: MachineRecord) -> None:
    write_atomically(record.machine.paths.record, record_as_json(record))


def find_record(domain: str) -> MachineRecord | None:
    """The record of a machine, or None where there is none.

    Raises `StateError` for a record that cannot be understood: it is left as it is, since a newer
    charly may own the machine.
    """
    path = paths_of(domain).record
    try:
        data = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HostError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise StateError(
            f"{path} is damaged: {error}",
            hint=f"if you do not need this machine, remove {path.parent}",
        ) from error
    if not isinstance(data, dict):
        raise StateError(f"{path} is not a record of a machine")
    if data.get("version") != VERSION:
        raise StateError(
            f"{path} was written by another version of charly (format {data.get('version')}, "
            f"this one reads {VERSION})",
            hint="use that version to destroy the machine",
        )
    try:
        return _record(data)
    except (KeyError, TypeError, ValueError) as error:
        raise StateError(f"{path} is not a record of a machine: {error!r}") from error


def machine_directories() -> list[str]:
    """The domains that have a directory, with or without a record in it."""
    with explain_os_errors("list the machines"):
        return sorted(entry.name for entry in machines_directory().iterdir() if entry.is_dir())


def read_records() -> tuple[list[MachineRecord], list[StateError]]:
    """All records, and what is wrong with those that cannot be understood."""
    records, errors = [], []
    for domain in machine_directories():
        try:
            record = find_record(domain)
        except StateError as error:
            errors.append(error)
            continue
        if record is not None:
            records.append(record)
    return records, errors


def find_expired() -> list[MachineRecord]:
    """The machines that were kept for a time which is over."""
    moment = now()
    return [record for record in read_records()[0] if record.is_expired(moment)]


def _record(data: Mapping[str, Any]) -> MachineRecord:
    machine = dict(data["machine"])
    machine["backend"] = BackendName(machine["backend"])
    network = dict(machine["network"])
    network["carrier"] = Carrier(network["carrier"])
    network["forwards"] = tuple(PortForward(**one) for one in network["forwards"])
    machine["network"] = ResolvedNetwork(**network)
    machine["firmware"] = ResolvedFirmware(**machine["firmware"])
    machine["block"] = Block(data=machine["block"])
    there = machine.get("hypervisor")
    machine["hypervisor"] = there and Hypervisor(**there)
    machine["oem_strings"] = tuple(machine["oem_strings"])
    machine["paths"] = Paths(**{key: Path(value) for key, value in machine["paths"].items()})
    owner = dict(data["owner"])
    owner["purpose"] = Purpose(owner["purpose"])
    return MachineRecord(
        name=data["name"],
        instance=data["instance"],
        entity=data["entity"],
        project=data["project"],
        stage=Stage(data["stage"]),
        disk_kept=data["disk_kept"],
        owner=Owner(**owner),
        base=data["base"],
        machine=ResolvedMachine(**machine),
        claims=_wish(data.get("claims") or {}),
        gives_way=_gives_way(data.get("gives_way")),
    )


def _wish(data: Mapping[str, Any]) -> Wish:
    amounts = dict(data.get("amounts", {}))
    return Wish(tuple(data.get("exclusive", ())), tuple(data.get("shared", ())), amounts)


def _gives_way(data: Mapping[str, Any] | None) -> GivesWay | None:
    return GivesWay(**{**data, "wish": _wish(data["wish"])}) if data else None
