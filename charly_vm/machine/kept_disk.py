"""A disk that `vm destroy` has kept: for whom it may be used again, and what a new file changes."""

from __future__ import annotations

from pathlib import Path

from charly_vm.backend.libvirt_storage import find_volume, grow_volume
from charly_vm.disk.qcow2 import grow_image, inspect_image
from charly_vm.errors import StateError
from charly_vm.host.amounts import format_size
from charly_vm.host.progress import Progress
from charly_vm.machine.records import MachineRecord, Purpose
from charly_vm.machine.volumes import has_disk
from charly_vm.model.resolved import ResolvedMachine


def require_no_stray(overlay: Path) -> None:
    """Raise `StateError` for a disk that no record knows: it may be all that is left of something
    that somebody needs, and is neither booted nor overwritten."""
    if overlay.exists():
        raise StateError(
            f"{overlay} is there, and no record says whose it is",
            hint="move it away if you need it, or remove it",
        )


def require_purpose(record: MachineRecord, purpose: Purpose) -> None:
    """Raise `StateError` for a bed: it tests what its source says, and never what was kept."""
    if purpose is Purpose.BED:
        raise StateError(
            f"the disk of {record.label} was kept, and a bed needs a fresh one",
            hint=f"`charly vm destroy {record.label} --disk` removes it",
        )


def require_fit(kept: MachineRecord, machine: ResolvedMachine) -> None:
    """Raise `StateError` where the disk would have to follow to another hypervisor, or to boot on
    another architecture."""
    if not has_disk(kept.machine):
        return
    removes = f"`charly vm destroy {kept.label} --disk` removes it"
    theirs, ours = (
        one.hypervisor.uri if one.hypervisor else "this host" for one in (kept.machine, machine)
    )
    if theirs != ours:
        raise StateError(
            f"the disk of {kept.label} was kept at {theirs}, and the machine would be at {ours}",
            hint=f"{removes}; CHARLY_LIBVIRT_URI says where machines are made",
        )
    if kept.machine.architecture != machine.architecture:
        raise StateError(
            f"the disk of {kept.label} that was kept is for {kept.machine.architecture}, and the "
            f"machine would be {machine.architecture}",
            hint=removes,
        )


def grow_disk(machine: ResolvedMachine, progress: Progress) -> None:
    """Give the machine's disk the file's `disk_size`, where it is there and smaller.

    A larger one stays, since the guest's file system fills it: that is noted.
    """
    wanted, size = machine.disk_size, _size_of(machine)
    if not wanted or not size or wanted == size:
        return
    if wanted < size:
        progress.note(
            f"{machine.domain} keeps the {format_size(size)} of its disk: no disk shrinks, and "
            f"`disk_size: {format_size(wanted)}` counts for a fresh one"
        )
        return
    if machine.hypervisor:
        grow_volume(machine.hypervisor, machine.disk_volume, wanted)
    else:
        grow_image(machine.paths.overlay, wanted)
    progress.note(
        f"{machine.domain}: its disk grows from {format_size(size)} to {format_size(wanted)}"
    )


def _size_of(machine: ResolvedMachine) -> int | None:
    """Bytes that the guest sees; None where there is no disk, or one that is made anew."""
    if not has_disk(machine):
        return None
    if machine.hypervisor:
        volume = find_volume(machine.hypervisor, machine.disk_volume)
        return volume.capacity if volume else None
    return inspect_image(machine.paths.overlay).virtual_size
