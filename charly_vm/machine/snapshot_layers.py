"""The images behind a machine's external snapshots.

Every image is either the one that the machine writes to or a snapshot's; whatever else lies there
was left by a verb that was cut short, and goes.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

from charly_vm.disk.layers import (
    add_layer,
    find_layer_below,
    is_in_use,
    merge_layer,
    rest_layer_on,
)
from charly_vm.host.files import explain_os_errors, make_private_directory
from charly_vm.machine.machine import Machine
from charly_vm.machine.records import MachineRecord, paths_of, write_record
from charly_vm.machine.snapshot_record import (
    Mode,
    Snapshot,
    SnapshotRecord,
    snapshot_record_file,
)
from charly_vm.model.resolved import Paths


def choose_layer(paths: Paths) -> Path:
    """Where below the machine's directory the next image goes."""
    numbers = [int(path.stem.rpartition("-")[2]) for path in _layers(paths)]
    return Path(paths.snapshots.name, f"layer-{max(numbers, default=0) + 1}.qcow2")


def make_layer(paths: Paths, below: Path, layer: Path) -> None:
    """An empty image on top of another one; both are below the machine's directory."""
    make_private_directory(paths.snapshots)
    add_layer(paths.directory / below, paths.directory / layer)


def switch_to_layer(machine: Machine, layer: Path) -> None:
    """Have the machine use another image from its next start on."""
    paths = dataclasses.replace(machine.record.machine.paths, layer=layer)
    resolved = dataclasses.replace(machine.record.machine, paths=paths)
    machine.record = dataclasses.replace(machine.record, machine=resolved)
    write_record(machine.record)
    machine.backend.use_layer(resolved)


def find_layers_on(paths: Paths, record: SnapshotRecord, layer: Path) -> list[Path]:
    """The images in use that stand directly on one, below the machine's directory."""
    return [
        one
        for one in sorted(_used_layers(paths, record))
        if find_layer_below(paths.directory / one) == paths.directory / layer
    ]


def stands_on(paths: Paths, layer: Path) -> bool:
    """Whether the machine's disk reads from an image, directly or through others."""
    image: Path | None = paths.overlay
    while image is not None and paths.directory in image.parents:
        if image == paths.directory / layer:
            return True
        image = find_layer_below(image)
    return False


def merge_down(
    machine: Machine, record: SnapshotRecord, snapshot: Snapshot, upper: Path
) -> SnapshotRecord:
    """Bring what an image holds into the snapshot's below it, which then stands for both.

    The machine is off. Can be interrupted anywhere and repeated. Returns the record in which
    whoever had the upper image has the lower one; it is not written yet.
    """
    paths = machine.record.machine.paths
    owner = next((one for one in record.snapshots if one.layer == upper), None)
    if paths.layer != upper and owner is None:
        return record
    merge_layer(paths.directory / upper)
    for image in find_layers_on(paths, record, upper):
        rest_layer_on(paths.directory / image, paths.directory / snapshot.layer)
    if owner is not None:
        return record.with_snapshot(dataclasses.replace(owner, layer=snapshot.layer))
    switch_to_layer(machine, snapshot.layer)
    return record


def remove_loose_layers(machine: Machine, record: SnapshotRecord) -> None:
    """Remove what no snapshot needs and the machine does not write to."""
    paths = machine.record.machine.paths
    used = {paths.directory / one for one in _used_layers(paths, record)}
    names = {one.name for one in record.snapshots}
    with explain_os_errors(f"remove what {machine.name} has of old snapshots"):
        for image in _layers(paths):
            if image not in used and not is_in_use(image):
                image.unlink()
        for file in paths.snapshots.glob("*.nvram"):
            if file.stem not in names:
                file.unlink()


def keep_nvram(paths: Paths, name: str) -> None:
    """Keep the UEFI variables with a snapshot, where the machine has any."""
    if paths.nvram.exists():
        with explain_os_errors(f"copy {paths.nvram}"):
            make_private_directory(paths.snapshots)
            shutil.copyfile(paths.nvram, _kept_nvram(paths, name))


def restore_nvram(paths: Paths, name: str) -> None:
    """Bring back the UEFI variables that a snapshot has, of a machine that is off."""
    kept = _kept_nvram(paths, name)
    if kept.exists():
        with explain_os_errors(f"copy {kept}"):
            temporary = paths.nvram.with_name(".nvram.tmp")
            shutil.copyfile(kept, temporary)
            temporary.replace(paths.nvram)


def discard_disk(paths: Paths) -> None:
    """Remove a machine's disk with all its snapshots. The machine is off."""
    with explain_os_errors(f"remove the disk of {paths.directory.name}"):
        # The record of the snapshots last: while it is there, so are they.
        paths.of_fresh_disk.overlay.unlink(missing_ok=True)
        if paths.snapshots.exists():
            shutil.rmtree(paths.snapshots)
        snapshot_record_file(paths).unlink(missing_ok=True)


def paths_of_kept_disk(record: MachineRecord, domain: str) -> Paths:
    """The paths of a new machine on the disk that an earlier one has kept, snapshots included."""
    paths, kept = paths_of(domain), record.machine.paths
    return dataclasses.replace(paths, layer=kept.layer) if kept.overlay.exists() else paths


def _used_layers(paths: Paths, record: SnapshotRecord) -> set[Path]:
    return {paths.layer} | {one.layer for one in record.snapshots if one.mode is Mode.EXTERNAL}


def _layers(paths: Paths) -> Iterator[Path]:
    return paths.snapshots.glob("layer-*.qcow2")


def _kept_nvram(paths: Paths, name: str) -> Path:
    return paths.snapshots / f"{name}.nvram"
