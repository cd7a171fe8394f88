"""The libvirt probe of a machine: its backend, its console and its own snapshots, put together."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from charly_vm.machine.machine import Machine, held_machine
from charly_vm.machine.snapshot_record import Mode, Snapshot, read_snapshots
from charly_vm.machine.snapshot_wishes import find_wishes
from charly_vm.machine.snapshots import (
    Wish,
    create_snapshot,
    delete_snapshot,
    revert_to_snapshot,
)
from charly_vm.model.protocols import KeptSnapshot
from charly_vm.model.spelling import suggestion
from charly_vm.probe.arguments import wrong_argument
from charly_vm.probe.libvirt import LibvirtProbe, Subject


def probe_of(machine: Machine, *, held: bool = True) -> LibvirtProbe:
    """The probe of a machine; nothing is asked yet.

    Whoever holds the machine (`ownership.own_machine`), as a bed's run does, changes its snapshots
    at once. Who does not, says so by `held=False`: each change then holds it for itself, and is
    `LeaseUnavailable` where somebody else does.
    """
    resolved = machine.record.machine
    return LibvirtProbe(
        Subject(
            domain=machine.record.domain,
            backend=machine.backend,
            vcpus=resolved.cpus,
            memory=resolved.ram,
            console=machine.console_tail,
            snapshots=MachineSnapshots(machine, held=held),
        )
    )


class MachineSnapshots:
    """`model.protocols.SnapshotShelf`, which is what `charly vm snapshot` works on."""

    def __init__(self, machine: Machine, *, held: bool) -> None:
        self._machine = machine
        self._held = held

    def list(self) -> tuple[KeptSnapshot, ...]:
        record = read_snapshots(self._machine.record.machine.paths)
        return tuple(_shown(one, record.current) for one in record.snapshots)

    def create(
        self, name: str, *, mode: str, description: str | None, quiesce: bool | None
    ) -> KeptSnapshot:
        said: dict[str, Any] = {
            "mode": _mode(mode) if mode else None,
            "description": description,
            "quiesce": quiesce,
        }
        changes = {key: value for key, value in said.items() if value is not None}
        with self._holding() as machine:
            wishes = find_wishes(machine.record, machine.progress)
            wish = dataclasses.replace(wishes.get(name, Wish(name)), **changes)
            return _shown(create_snapshot(machine, wish), name)

    def revert(self, name: str) -> KeptSnapshot:
        with self._holding() as machine:
            return _shown(revert_to_snapshot(machine, name), name)

    def delete(self, name: str) -> None:
        with self._holding() as machine:
            delete_snapshot(machine, name)

    @contextmanager
    def _holding(self) -> Iterator[Machine]:
        if self._held:
            yield self._machine
            return
        # By the record as it is by then: whoever held it before may have changed that.
        with held_machine(self._machine.name, progress=self._machine.progress) as machine:
            yield machine


def _mode(text: str) -> Mode:
    known = [mode.value for mode in Mode]
    if text not in known:
        why = f"the mode is {text!r}, and not {' or '.join(known)}{suggestion(text, known)}"
        raise wrong_argument("snapshot/create", why)
    return Mode(text)


def _shown(snapshot: Snapshot, current: str) -> KeptSnapshot:
    return KeptSnapshot(
        name=snapshot.name,
        mode=snapshot.mode.value,
        description=snapshot.description,
        created=snapshot.created,
        parent=snapshot.parent,
        current=snapshot.name == current,
        memory=snapshot.memory,
        quiesced=snapshot.quiesced,
    )
