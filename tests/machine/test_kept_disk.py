"""A kept disk and the size that the file wants by now, through the real qemu-img."""

from __future__ import annotations

import dataclasses

import pytest
from machine_samples import sample_record
from snapshot_place import Notes

from charly_vm.disk.qcow2 import inspect_image
from charly_vm.host.process import run
from charly_vm.machine.kept_disk import grow_disk
from charly_vm.model.resolved import ResolvedMachine

MEBIBYTE = 1024**2


@pytest.fixture
def machine() -> ResolvedMachine:
    """Its disk has 8 MiB."""
    machine = dataclasses.replace(sample_record().machine, disk_size=0)
    machine.paths.directory.mkdir(parents=True)
    run(["qemu-img", "create", "-q", "-f", "qcow2", machine.paths.overlay, "8M"], timeout=20)
    return machine


@pytest.mark.parametrize(
    ("wanted", "size", "said"),
    [
        (0, 8, []),
        (8, 8, []),
        (20, 20, ["charly-sample: its disk grows from 8M to 20M"]),
        (
            4,
            8,
            [
                "charly-sample keeps the 8M of its disk: no disk shrinks, and `disk_size: 4M` "
                "counts for a fresh one"
            ],
        ),
    ],
)
def test_a_kept_disk_grows_and_never_shrinks(
    machine: ResolvedMachine, wanted: int, size: int, said: list[str]
) -> None:
    notes = Notes()
    grow_disk(dataclasses.replace(machine, disk_size=wanted * MEBIBYTE), notes)
    assert inspect_image(machine.paths.overlay).virtual_size == size * MEBIBYTE
    assert notes.notes == said


def test_a_disk_that_is_not_there_yet_is_made_in_its_size_later(machine: ResolvedMachine) -> None:
    machine.paths.overlay.unlink()
    grow_disk(dataclasses.replace(machine, disk_size=MEBIBYTE), notes := Notes())
    assert not machine.paths.overlay.exists()
    assert notes.notes == []
