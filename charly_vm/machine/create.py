"""Making a machine from a target, and making it anew."""

from __future__ import annotations

import dataclasses
import uuid
from pathlib import Path

from charly_vm.arbiter.wish import CPUS, RAM, Wish
from charly_vm.disk.nvram import make_nvram
from charly_vm.disk.qcow2 import create_overlay
from charly_vm.errors import CharlyError, StateError
from charly_vm.host.facts import Facts
from charly_vm.host.files import explain_os_errors, make_private_directory
from charly_vm.host.progress import SILENT, Progress
from charly_vm.machine.card_allocation import require_not_on_nvidia
from charly_vm.machine.disks import build_disk, find_chosen_disk
from charly_vm.machine.kept_disk import grow_disk, require_fit, require_no_stray, require_purpose
from charly_vm.machine.keys import choose_key, store_key
from charly_vm.machine.machine import Machine
from charly_vm.machine.ports import choose_ports, choosing_ports, require_free_ports
from charly_vm.machine.records import (
    GivesWay,
    MachineRecord,
    Owner,
    Purpose,
    Stage,
    find_record,
    paths_of,
    write_record,
)
from charly_vm.machine.seed import write_identity
from charly_vm.machine.snapshot_layers import discard_disk, paths_of_kept_disk
from charly_vm.machine.snapshot_repair import settle_snapshots
from charly_vm.machine.survey import survey, wanted_backend
from charly_vm.machine.veto import instance_of
from charly_vm.machine.volumes import drop_disk_volume, drop_nvram_volume, has_disk, make_volumes
from charly_vm.machine.wishes import gives_way_of, wish_of_machine
from charly_vm.model.gaps import describe_gaps
from charly_vm.model.project import Target
from charly_vm.model.resolve import Overrides, Placement, resolve
from charly_vm.model.resolved import ResolvedMachine


def create_machine(
    target: Target,
    project: Path,
    owner: Owner,
    *,
    base: Path | None = None,
    overrides: Overrides | None = None,
    leave_failed: bool = False,
    progress: Progress = SILENT,
) -> Machine:
    """Build the disk, define the machine and boot it. The caller holds the machine.

    `base` is the image below its disk, where `build_base` has found it already. A disk that an
    earlier `destroy` kept is used again. What an interrupted run left under this
    name is removed first. What was made of a machine that does not boot is removed again, unless
    `leave_failed` says that somebody wants to look at it. Raises `StateError` where the machine
    exists.
    """
    if target.deploy and (gaps := describe_gaps(target.deploy)):
        progress.note(gaps)
    kept = settle(target, project, owner.purpose, progress)
    facts = survey(target.entity.arch)
    if kept and has_disk(kept.machine):
        progress.note(f"{target.domain} uses the disk that was kept; `--disk` removes it")
        image = kept.base
    else:
        image = str(base or _choose_base(target, project, owner.purpose, progress))
    paths = paths_of_kept_disk(kept, target.domain) if kept else paths_of(target.domain)
    here = instance_of(target.domain)
    key_source = (overrides and overrides.key_source) or target.entity.ssh.key_source
    key = choose_key(key_source, paths, domain=target.domain)
    # From the choice of a port until it stands in a record nobody else may choose.
    with choosing_ports():
        ports = choose_ports(target)
        placement = Placement(
            uuid=kept.machine.uuid if kept else str(uuid.uuid4()),
            ssh_port=ports.ssh,
            paths=paths,
            forwards=ports.forwards,
            graphics_ports=ports.graphics,
            key=key.login,
            hostdevs=here.hostdevs,
            filesystems=here.filesystems,
            vetoed=here.is_vetoed,
        )
        machine = resolve(
            target,
            facts,
            placement,
            wanted_backend=wanted_backend(),
            overrides=overrides,
        )
        if kept:
            require_fit(kept, machine)
        require_free_ports(machine)
        require_not_on_nvidia(machine)
        make_private_directory(machine.paths.directory)
        record = MachineRecord(
            name=target.name,
            instance=target.instance,
            entity=target.entity_name,
            project=str(project),
            stage=Stage.CREATING,
            disk_kept=kept is not None,
            owner=owner,
            base=image,
            machine=machine,
            claims=wish_of_machine(target) if owner.purpose is Purpose.COMMAND else Wish(),
            gives_way=_gives_way(target, machine),
        )
        write_record(record)
    hosts = facts.behind_libvirt() if machine.hypervisor else facts
    _note_choices(machine, hosts, progress)
    if key.note:
        progress.note(key.note)
    made = Machine(record, progress=progress)
    try:
        if kept and kept.machine.firmware != machine.firmware:
            # Another firmware's variables say nothing to this one, or the wrong thing.
            _remove_nvram(machine)
        store_key(key, paths)
        if kept:
            grow_disk(machine, progress)
        _incarnate(made, target)
    except BaseException:
        if not leave_failed:
            _discard(made)
        raise
    return made


def _gives_way(target: Target, machine: ResolvedMachine) -> GivesWay | None:
    preemptible = target.deploy.deploy.preemptible if target.deploy else None
    return gives_way_of(preemptible, {RAM: machine.ram, CPUS: machine.cpus})


def _note_choices(machine: ResolvedMachine, facts: Facts, progress: Progress) -> None:
    emulator = facts.emulator(machine.architecture)
    accelerator = emulator and emulator.accelerator
    progress.note(
        f"{machine.domain}: {machine.backend.value}"
        + (f" ({machine.backend_reason})" if machine.backend_reason else "")
        + f", {machine.accelerator}"
        + (f" ({accelerator.reason})" if accelerator else "")
    )
    if machine.firmware.name == "uefi-secure" and not machine.firmware.keys_enrolled:
        progress.note(
            f"{machine.domain}: this host's firmware comes without keys, so Secure Boot is off "
            "until the guest enrols some"
        )


def build_base(target: Target, project: Path, purpose: Purpose, progress: Progress) -> Path:
    """The image below a fresh disk of the target, made where it is not there yet.

    Raises as `create_machine` does, and before the work, for what could not be made of it.
    """
    settle(target, project, purpose, progress)
    survey(target.entity.arch)
    return _choose_base(target, project, purpose, progress)


def _choose_base(target: Target, project: Path, purpose: Purpose, progress: Progress) -> Path:
    """The image below a fresh overlay: what the file says, or what somebody has built by hand.

    A bed tests what the file says.
    """
    chosen = find_chosen_disk(target, project) if purpose is Purpose.COMMAND else None
    if chosen is None:
        return build_disk(target, project, progress).path
    image, words = chosen
    progress.note(
        f"{target.domain} uses the disk that was built with {words}; "
        f"`charly vm build {target.entity_name}` goes back to the file's"
    )
    return image


def rebuild_machine(machine: Machine, target: Target) -> None:
    """Power off, and boot again from a fresh overlay of the same base. The caller holds it."""
    machine.close()
    paths = machine.record.machine.paths.of_fresh_disk
    machine.record = dataclasses.replace(
        machine.record,
        stage=Stage.CREATING,
        disk_kept=False,
        machine=dataclasses.replace(machine.record.machine, paths=paths),
    )
    write_record(machine.record)
    with machine.progress.phase(f"rebuilding {machine.name} fresh"):
        machine.backend.power_off(machine.record.domain)
        drop_incarnation(machine.record.machine)
    _incarnate(machine, target)


def drop_incarnation(machine: ResolvedMachine) -> None:
    """Remove what belongs to one incarnation: disk, snapshots and UEFI variables."""
    drop_disk_volume(machine)
    discard_disk(machine.paths)
    _remove_nvram(machine)


def _remove_nvram(machine: ResolvedMachine) -> None:
    drop_nvram_volume(machine)
    with explain_os_errors(f"remove {machine.paths.nvram}"):
        machine.paths.nvram.unlink(missing_ok=True)


def _discard(machine: Machine) -> None:
    try:
        machine.destroy(disk=not machine.record.disk_kept)
    except CharlyError as error:
        # What prevented the machine is what people need to read; this comes on top.
        machine.progress.note(f"{machine.name} is left for `charly vm prune`: {error.message}")


def settle(
    target: Target, project: Path, purpose: Purpose, progress: Progress
) -> MachineRecord | None:
    """Clear what stands in the way of the target's machine; the record of a kept disk stays.

    The caller holds the machine, so an unfinished record or a bed's has nobody behind it. Raises
    `StateError` for what is somebody's: a machine or a disk that was kept for another purpose, or
    that belongs to another project.
    """
    record = find_record(target.domain)
    if record is None:
        require_no_stray(paths_of(target.domain).overlay)
        return None
    if not record.is_bound_to_owner:
        require_same(record, target, project)
        if record.stage is Stage.DISK_KEPT:
            require_purpose(record, purpose)
            return record
        if record.owner.purpose is Purpose.COMMAND:
            raise StateError(
                f"{target.domain} exists already; it was made by {record.owner}",
                hint=f"`charly vm start {record.label}` boots it, "
                f"`charly vm destroy {record.label}` removes it",
            )
    left = "was kept" if record.owner.purpose is Purpose.KEPT else "was left over"
    progress.note(f"{target.domain} {left} by {record.owner.command}; removing it")
    machine = Machine(record, progress=progress)
    machine.destroy(disk=not record.disk_kept)
    kept = find_record(target.domain)
    if kept is not None:
        require_purpose(kept, purpose)
    return kept


def require_same(record: MachineRecord, target: Target, project: Path) -> None:
    """Raise `StateError` for a record of another project, or of another name or instance."""
    theirs = (record.project, record.name, record.instance)
    if theirs != (str(project), target.name, target.instance):
        raise StateError(
            f"{target.domain} belongs to {record.label} of {record.project}",
            hint=f"`charly vm destroy {record.label} --disk` removes it; `-i` gives a machine of "
            "another name",
        )


def _incarnate(machine: Machine, target: Target) -> None:
    """Give a recorded machine keys, seed and overlay, and boot it."""
    resolved = machine.record.machine
    make_private_directory(resolved.paths.runtime)
    write_identity(resolved, target, machine.progress)
    if resolved.hypervisor:
        make_volumes(machine.record, machine.progress)
    elif not resolved.paths.overlay.exists():
        _remove_nvram(resolved)
        create_overlay(Path(machine.record.base), resolved.paths.overlay, resolved.disk_size)
        # A fresh disk has a console of its own.
        resolved.paths.console_log.unlink(missing_ok=True)
    firmware = resolved.firmware
    if firmware.vars_template and not resolved.paths.nvram.exists():
        make_nvram(
            Path(firmware.vars_template),
            resolved.paths.nvram,
            format=firmware.format,
            architecture=resolved.architecture,
        )
    machine.backend.define(resolved)
    settle_snapshots(machine, starting=True)
    machine.traces.leave()
    with machine.progress.phase(f"booting {machine.name}"):
        machine.backend.start(machine.record.domain)
    machine.record = dataclasses.replace(machine.record, stage=Stage.CREATED)
    write_record(machine.record)
