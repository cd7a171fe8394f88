"""`charly update`: a machine as its file and its source say it now."""

from __future__ import annotations

from pathlib import Path

from charly_vm.host.progress import SILENT, Progress
from charly_vm.machine.create import create_machine, drop_incarnation, require_same
from charly_vm.machine.disks import BuildOptions, build_disk
from charly_vm.machine.machine import Machine
from charly_vm.machine.ownership import this_process
from charly_vm.machine.records import MachineRecord, Purpose, Stage, find_record
from charly_vm.machine.veto import may_be_thrown_away
from charly_vm.model.project import Target


def update_machine(
    target: Target, project: Path, *, build: bool = False, progress: Progress = SILENT
) -> Machine:
    """Destroy the machine and create it again. The caller holds it.

    A disposable target gets a fresh disk, and so does any with `build`, which also makes its base
    anew; every other one keeps its disk, after its guest was asked to shut down. Asking for it is
    all the authority that is needed: a target that is not disposable is noted and not refused.
    Keys and `instance.yml` stay. A machine that is not there yet is created.

    Interrupted at any moment, the same command or `vm create` makes it whole.
    """
    record = find_record(target.domain)
    if record is not None and not record.is_bound_to_owner:
        require_same(record, target, project)
    if build:
        # Before anything is removed: a build that fails costs nothing.
        build_disk(target, project, progress, BuildOptions(refresh=True))
    if record is not None and record.stage is Stage.CREATED:
        _remove(record, target, fresh=build or may_be_thrown_away(target), progress=progress)
    elif (
        record is not None
        and record.stage is Stage.DISK_KEPT
        and (build or may_be_thrown_away(target))
    ):
        drop_incarnation(record.machine)
    return create_machine(target, project, this_process(Purpose.COMMAND), progress=progress)


def _remove(record: MachineRecord, target: Target, *, fresh: bool, progress: Progress) -> None:
    machine = Machine(record, progress=progress)
    if not may_be_thrown_away(target):
        what = "its disk is made anew (--build)" if fresh else "its disk is kept"
        progress.note(f"{target.domain} is neither disposable nor ephemeral; {what}")
    if not fresh:
        outcome = machine.stop()
        progress.note(f"{target.domain}: {outcome.value}")
    machine.destroy(disk=False)
    if fresh:
        drop_incarnation(record.machine)
