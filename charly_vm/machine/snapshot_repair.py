"""Settling what a snapshot verb that was cut short has left: finished where it had taken hold, and
taken back where it had not. No step in between loses what the machine's disk holds."""

from __future__ import annotations

import dataclasses
from contextlib import suppress

from charly_vm.disk.layers import is_in_use
from charly_vm.errors import GuestError, StateError
from charly_vm.machine.machine import Machine
from charly_vm.machine.snapshot_layers import (
    merge_down,
    remove_loose_layers,
    restore_nvram,
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
from charly_vm.model.protocols import DomainState


def settle_snapshots(machine: Machine, *, starting: bool = False) -> None:
    """Settle what is pending. The caller holds the machine.

    A machine that is `starting` does not wait for a merge, which loses nothing by coming later.
    Raises `StateError` where settling takes a machine that is off.
    """
    paths = machine.record.machine.paths
    record = read_snapshots(paths)
    pending = record.pending
    if pending is None:
        return
    snapshot = record.find(pending.name)
    if starting and pending.verb is Verb.DELETE:
        # It has to boot from the image that the record says, which the rest then builds upon.
        machine.backend.use_layer(machine.record.machine)
        return
    record = dataclasses.replace(record, pending=None)
    if snapshot is not None:
        record = _SETTLING[pending.verb, snapshot.mode](machine, record, snapshot, pending)
    write_snapshots(paths, record)
    remove_loose_layers(machine, record)


def _external_create(
    machine: Machine, record: SnapshotRecord, snapshot: Snapshot, pending: Pending
) -> SnapshotRecord:
    paths = machine.record.machine.paths
    running = machine.state().has_process
    if running and snapshot.quiesced:
        with suppress(GuestError):
            machine.backend.thaw(machine.record.domain)
    upper = paths.directory / pending.layer
    taken = paths.layer == pending.layer
    if running:
        taken = upper.exists() and is_in_use(upper)
    if taken:
        machine.backend.use_layer(machine.record.machine)
        return dataclasses.replace(record, current=snapshot.name)
    if paths.layer == pending.layer:
        switch_to_layer(machine, snapshot.layer)
    return record.without(snapshot.name)


def _internal_create(
    machine: Machine, record: SnapshotRecord, snapshot: Snapshot, pending: Pending
) -> SnapshotRecord:
    found = machine.backend.find_snapshots(machine.record.domain)
    if snapshot.name not in found:
        return record.without(snapshot.name)
    finished = dataclasses.replace(snapshot, memory=found[snapshot.name])
    return dataclasses.replace(record.with_snapshot(finished), current=snapshot.name)


def _external_revert(
    machine: Machine, record: SnapshotRecord, snapshot: Snapshot, pending: Pending
) -> SnapshotRecord:
    paths = machine.record.machine.paths
    if paths.layer != pending.layer:
        _tell(machine, f"the revert to {snapshot.name} was cut short before anything changed")
        return record
    if not machine.state().has_process:
        restore_nvram(paths, snapshot.name)
    machine.backend.use_layer(machine.record.machine)
    _tell(machine, f"the revert to {snapshot.name} was cut short and is finished now")
    return dataclasses.replace(record, current=snapshot.name)


def _internal_revert(
    machine: Machine, record: SnapshotRecord, snapshot: Snapshot, pending: Pending
) -> SnapshotRecord:
    domain = machine.record.domain
    if machine.state().has_process:
        machine.backend.find_snapshots(domain)  # waits for one that is being loaded
        if machine.state() is DomainState.PAUSED:
            machine.backend.power_off(domain)
    if machine.state().has_process or snapshot.memory:
        _tell(machine, f"the revert to {snapshot.name} was cut short: repeat it, if it is not done")
        return record
    machine.backend.load_snapshot(domain, snapshot.name, memory=False)
    restore_nvram(machine.record.machine.paths, snapshot.name)
    _tell(machine, f"the revert to {snapshot.name} was cut short and is finished now")
    return dataclasses.replace(record, current=snapshot.name)


def _external_delete(
    machine: Machine, record: SnapshotRecord, snapshot: Snapshot, pending: Pending
) -> SnapshotRecord:
    if machine.state().has_process:
        raise StateError(
            f"the removal of the snapshot {snapshot.name} of {machine.name} was cut short",
            hint=f"`charly vm stop {machine.record.label}`: it is finished with the machine off",
        )
    with machine.progress.phase(f"merging {snapshot.name} of {machine.name}, which was cut short"):
        return merge_down(machine, record, snapshot, pending.layer).without(snapshot.name)


def _internal_delete(
    machine: Machine, record: SnapshotRecord, snapshot: Snapshot, pending: Pending
) -> SnapshotRecord:
    machine.backend.drop_snapshot(machine.record.domain, snapshot.name)
    return record.without(snapshot.name)


def _tell(machine: Machine, text: str) -> None:
    machine.progress.note(f"{machine.name}: {text}")


_SETTLING = {
    (Verb.CREATE, Mode.EXTERNAL): _external_create,
    (Verb.CREATE, Mode.INTERNAL): _internal_create,
    (Verb.REVERT, Mode.EXTERNAL): _external_revert,
    (Verb.REVERT, Mode.INTERNAL): _internal_revert,
    (Verb.DELETE, Mode.EXTERNAL): _external_delete,
    (Verb.DELETE, Mode.INTERNAL): _internal_delete,
}
