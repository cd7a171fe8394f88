"""Snapshots of a machine: taking one, going back to one, removing one.

The caller holds the machine. Each verb writes what it is about to do, does it, and writes that it
is done; what was cut short is settled by `snapshot_repair` before anything else happens to the
machine.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from charly_vm.errors import CharlyError, StateError
from charly_vm.machine.machine import Machine
from charly_vm.machine.records import now
from charly_vm.machine.snapshot_layers import (
    choose_layer,
    find_layers_on,
    keep_nvram,
    make_layer,
    merge_down,
    remove_loose_layers,
    restore_nvram,
    stands_on,
    switch_to_layer,
)
from charly_vm.machine.snapshot_record import (
    Mode,
    Pending,
    Snapshot,
    SnapshotRecord,
    Verb,
    read_snapshots,
    write_snapshots,
)
from charly_vm.machine.snapshot_repair import settle_snapshots

NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,62}")
"""A name becomes a file's, and one of digits would be taken for the number that qemu-img gives."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A snapshot to be taken."""

    name: str
    mode: Mode = Mode.EXTERNAL
    description: str = ""
    quiesce: bool = False
    parent: str = ""
    """The snapshot that the machine's state has to be based on; empty where any will do."""


def create_snapshot(machine: Machine, wish: Wish) -> Snapshot:
    """Take a snapshot, of a machine that runs or is off.

    Raises `StateError` where the name is taken, where the state is not based on the wished parent,
    and where an external snapshot would put internal ones out of reach; `GuestError` where
    `quiesce` is wished and the guest has no agent. Nothing is left of one that could not be taken.
    """
    record = _settled(machine)
    _require_room_for(machine, record, wish)
    running = machine.state().has_process
    at_rest = wish.quiesce and running and wish.mode is Mode.EXTERNAL
    snapshot = Snapshot(
        name=wish.name,
        mode=wish.mode,
        description=wish.description,
        created=now(),
        parent=record.current,
        memory=running and wish.mode is Mode.INTERNAL,
        quiesced=at_rest,
        layer=machine.record.machine.paths.layer if wish.mode is Mode.EXTERNAL else Path(),
    )
    with _undone_on_failure(machine):
        if wish.mode is Mode.EXTERNAL:
            _take_external(machine, record.with_snapshot(snapshot), snapshot, running)
        else:
            _take_internal(machine, record.with_snapshot(snapshot), snapshot)
    return snapshot


def revert_to_snapshot(machine: Machine, name: str) -> Snapshot:
    """Bring the machine back to a snapshot; what it has become since is lost.

    With a memory in it the machine goes on from that moment. Without one it is powered off for it,
    and boots again if it ran. Raises `StateError` where internal snapshots would be lost with it.
    """
    record = _settled(machine)
    snapshot = _require(machine, record, name)
    machine.close()
    with _undone_on_failure(machine), machine.progress.phase(f"taking {machine.name} to {name}"):
        if snapshot.mode is Mode.EXTERNAL:
            _revert_external(machine, record, snapshot)
        else:
            _revert_internal(machine, record, snapshot)
    return snapshot


def delete_snapshot(machine: Machine, name: str) -> None:
    """Remove a snapshot; the machine's state stays what it is.

    The image of an external one is merged with what stands on it, for which the machine has to be
    off. Raises `StateError` where it is not, and where more than one thing stands on it. A removal
    that fails or is interrupted is finished by the next verb.
    """
    was_there = read_snapshots(machine.record.machine.paths).find(name) is not None
    record = _settled(machine)
    if was_there and record.find(name) is None:
        # Its removal, or its making, had been cut short.
        return
    snapshot = _require(machine, record, name)
    if snapshot.mode is Mode.INTERNAL:
        _begin(machine, record, Pending(Verb.DELETE, name))
        machine.backend.drop_snapshot(machine.record.domain, name)
    else:
        record = _merge(machine, record, snapshot)
    _finish(machine, record.without(name))


def _take_external(
    machine: Machine, record: SnapshotRecord, snapshot: Snapshot, running: bool
) -> None:
    paths = machine.record.machine.paths
    layer = choose_layer(paths)
    _begin(machine, record, Pending(Verb.CREATE, snapshot.name, layer))
    with _file_systems_at_rest(machine) if snapshot.quiesced else nullcontext():
        make_layer(paths, paths.layer, layer)
        keep_nvram(paths, snapshot.name)
        # Before the machine writes to it: an emulator that ends now finds all in its next start.
        switch_to_layer(machine, layer)
        if running:
            upper = machine.record.machine.paths.overlay
            machine.backend.adopt_layer(machine.record.domain, upper, paths.overlay)
            # libvirt has changed the definition as well, and names images in it that may go.
            machine.backend.use_layer(machine.record.machine)
    _finish(machine, dataclasses.replace(record, current=snapshot.name))


def _take_internal(machine: Machine, record: SnapshotRecord, snapshot: Snapshot) -> None:
    _begin(machine, record, Pending(Verb.CREATE, snapshot.name))
    machine.backend.save_snapshot(machine.record.domain, snapshot.name)
    if not snapshot.memory:
        keep_nvram(machine.record.machine.paths, snapshot.name)
    _finish(machine, dataclasses.replace(record, current=snapshot.name))


def _revert_external(machine: Machine, record: SnapshotRecord, snapshot: Snapshot) -> None:
    lost = record.names(Mode.INTERNAL)
    if lost:
        raise StateError(
            f"with the present disk of {machine.name} the internal snapshots in it would be lost: "
            f"{', '.join(lost)}",
            hint="delete them first",
        )
    running = machine.state().has_process
    paths = machine.record.machine.paths
    layer = choose_layer(paths)
    _begin(machine, record, Pending(Verb.REVERT, snapshot.name, layer))
    machine.backend.power_off(machine.record.domain)
    make_layer(paths, snapshot.layer, layer)
    switch_to_layer(machine, layer)
    restore_nvram(paths, snapshot.name)
    _finish(machine, dataclasses.replace(record, current=snapshot.name))
    if running:
        machine.backend.start(machine.record.domain)


def _revert_internal(machine: Machine, record: SnapshotRecord, snapshot: Snapshot) -> None:
    domain = machine.record.domain
    running = machine.state().has_process
    _begin(machine, record, Pending(Verb.REVERT, snapshot.name))
    machine.backend.load_snapshot(domain, snapshot.name, memory=snapshot.memory)
    if not snapshot.memory:
        restore_nvram(machine.record.machine.paths, snapshot.name)
    _finish(machine, dataclasses.replace(record, current=snapshot.name))
    if running and not snapshot.memory:
        machine.backend.start(domain)


def _merge(machine: Machine, record: SnapshotRecord, snapshot: Snapshot) -> SnapshotRecord:
    """Free a snapshot's image of what stands on it; returns the record without it."""
    paths = machine.record.machine.paths
    upper = find_layers_on(paths, record, snapshot.layer)
    if not upper:
        return record
    if machine.state().has_process and stands_on(paths, snapshot.layer):
        raise StateError(
            f"the disk of {machine.name} stands on {snapshot.name} while it runs",
            hint=f"`charly vm stop {machine.record.label}` first, then delete it",
        )
    if len(upper) > 1:
        owners = [one.name for one in record.snapshots if one.layer in upper]
        disk = ["the machine's disk"] if paths.layer in upper else []
        raise StateError(
            f"several things stand on {snapshot.name}: {', '.join([*owners, *disk])}",
            hint="delete all but one of them first",
        )
    inside = record.names(Mode.INTERNAL)
    if paths.layer in upper and inside:
        raise StateError(
            f"the internal snapshots {', '.join(inside)} stand on {snapshot.name}",
            hint="delete them first",
        )
    _begin(machine, record, Pending(Verb.DELETE, snapshot.name, upper[0]))
    with machine.progress.phase(f"merging {snapshot.name} of {machine.name}"):
        return merge_down(machine, record, snapshot, upper[0])


def _settled(machine: Machine) -> SnapshotRecord:
    machine.require_created()
    settle_snapshots(machine)
    return read_snapshots(machine.record.machine.paths)


def _require(machine: Machine, record: SnapshotRecord, name: str) -> Snapshot:
    found = record.find(name)
    if found is None:
        names = ", ".join(one.name for one in record.snapshots)
        raise StateError(
            f"{machine.name} has no snapshot {name!r}",
            hint=f"it has {names or 'none'}",
        )
    return found


def _require_room_for(machine: Machine, record: SnapshotRecord, wish: Wish) -> None:
    label = machine.record.label
    if not NAME.fullmatch(wish.name):
        raise StateError(
            f"{wish.name!r} cannot be the name of a snapshot",
            hint="a letter, then letters, digits, dots, hyphens and underscores",
        )
    if record.find(wish.name) is not None:
        raise StateError(
            f"{machine.name} has a snapshot {wish.name} already",
            hint=f"`charly vm snapshot delete {label} {wish.name}` removes it",
        )
    if wish.parent and wish.parent != record.current:
        state = f"on {record.current}" if record.current else "on none"
        raise StateError(
            f"{wish.name} has to be taken from {wish.parent}, and the state of {machine.name} is "
            f"based {state}",
            hint=f"`charly vm snapshot revert {label} {wish.parent}` goes there",
        )
    elsewhere = machine.record.domain.hypervisor
    if wish.mode is Mode.EXTERNAL and elsewhere:
        raise StateError(
            f"the disk of {machine.name} is kept by {elsewhere}, where external snapshots cannot "
            "be taken",
            hint="take an internal one (--mode internal)",
        )
    buried = record.names(Mode.INTERNAL)
    if wish.mode is Mode.EXTERNAL and buried:
        raise StateError(
            f"an external snapshot would put the internal ones of {machine.name} out of reach: "
            f"{', '.join(buried)}",
            hint="take an internal one (--mode internal), or delete those first",
        )


def _begin(machine: Machine, record: SnapshotRecord, pending: Pending) -> None:
    write_snapshots(machine.record.machine.paths, dataclasses.replace(record, pending=pending))


def _finish(machine: Machine, record: SnapshotRecord) -> None:
    write_snapshots(machine.record.machine.paths, dataclasses.replace(record, pending=None))
    remove_loose_layers(machine, record)


@contextmanager
def _file_systems_at_rest(machine: Machine) -> Iterator[None]:
    machine.backend.freeze(machine.record.domain)
    try:
        yield
    finally:
        machine.backend.thaw(machine.record.domain)


@contextmanager
def _undone_on_failure(machine: Machine) -> Iterator[None]:
    try:
        yield
    except BaseException:
        try:
            settle_snapshots(machine)
        except CharlyError as error:
            # What went wrong first is what has to be read; this comes on top.
            machine.progress.note(f"{machine.name}: {error}")
        raise
