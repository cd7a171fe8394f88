"""Making a machine from a target, and making it anew."""

from __future__ import annotations

import dataclasses
import uuid
from pathlib import Path

from charly_vm.disk.qcow2 import create_overlay, inspect_image
from charly_vm.disk.seed import write_seed
from charly_vm.errors import CharlyError, StateError
from charly_vm.host.files import explain_os_errors, make_private_directory, write_atomically
from charly_vm.host.progress import SILENT, Progress
from charly_vm.host.ssh_keys import known_hosts_line, make_key_pair
from charly_vm.machine.disks import build_disk, find_chosen_disk
from charly_vm.machine.machine import Machine
from charly_vm.machine.ports import choose_ports, choosing_ports, require_free_ports
from charly_vm.machine.records import (
    MachineRecord,
    Owner,
    Purpose,
    Stage,
    find_record,
    paths_of,
    write_record,
)
from charly_vm.machine.survey import survey, wanted_backend
from charly_vm.model.project import Target
from charly_vm.model.resolve import Overrides, Placement, resolve
from charly_vm.model.resolved import Paths, ResolvedMachine
from charly_vm.model.source import CloudImage
from charly_vm.render.cloud_init import render_seed


def create_machine(
    target: Target,
    project: Path,
    owner: Owner,
    *,
    overrides: Overrides | None = None,
    leave_failed: bool = False,
    progress: Progress = SILENT,
) -> Machine:
    """Build the disk, define the machine and boot it. The caller holds the machine.

    A disk that an earlier `destroy` kept is used again. What an interrupted run left under this
    name is removed first. What was made of a machine that does not boot is removed again, unless
    `leave_failed` says that somebody wants to look at it. Raises `StateError` where the machine
    exists.
    """
    kept = settle(target, project, owner.purpose, progress)
    facts = survey()
    if kept and kept.machine.paths.overlay.exists():
        progress.note(f"{target.domain} uses the disk that was kept; `--disk` removes it")
        base = kept.base
    else:
        base = str(_choose_base(target, project, owner.purpose, progress))
    # From the choice of a port until it stands in a record nobody else may choose.
    with choosing_ports():
        ssh_port, forwards = choose_ports(target)
        placement = Placement(
            uuid=kept.machine.uuid if kept else str(uuid.uuid4()),
            ssh_port=ssh_port,
            paths=paths_of(target.domain),
            forwards=forwards,
        )
        machine = resolve(
            target,
            facts,
            placement,
            wanted_backend=wanted_backend(),
            overrides=overrides,
        )
        require_free_ports(machine)
        make_private_directory(machine.paths.directory)
        record = MachineRecord(
            name=target.name,
            instance=target.instance,
            entity=target.entity_name,
            project=str(project),
            stage=Stage.CREATING,
            disk_kept=kept is not None,
            owner=owner,
            base=base,
            machine=machine,
        )
        write_record(record)
    accelerator = next(one for one in facts.accelerators if one.name == machine.accelerator)
    progress.note(
        f"{machine.domain}: {machine.backend.value}"
        + (f" ({machine.backend_reason})" if machine.backend_reason else "")
        + f", {machine.accelerator} ({accelerator.reason})"
    )
    made = Machine(record, progress=progress)
    try:
        _incarnate(made, target)
    except BaseException:
        if not leave_failed:
            _discard(made)
        raise
    return made


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
    machine.record = dataclasses.replace(machine.record, stage=Stage.CREATING, disk_kept=False)
    write_record(machine.record)
    with machine.progress.phase(f"rebuilding {machine.name} fresh"):
        machine.backend.power_off(machine.record.domain)
        drop_incarnation(machine.record.machine.paths)
    _incarnate(machine, target)


def drop_incarnation(paths: Paths) -> None:
    """Remove what belongs to one incarnation: the overlay."""
    with explain_os_errors(f"remove {paths.overlay}"):
        paths.overlay.unlink(missing_ok=True)


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
        return None
    if not record.is_bound_to_owner:
        require_same(record, target, project)
        if record.stage is Stage.DISK_KEPT:
            _require_purpose(record, purpose)
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
        _require_purpose(kept, purpose)
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


def _require_purpose(record: MachineRecord, purpose: Purpose) -> None:
    """A bed tests what its source says, and never what somebody has kept."""
    if purpose is Purpose.BED:
        raise StateError(
            f"the disk of {record.label} was kept, and a bed needs a fresh one",
            hint=f"`charly vm destroy {record.label} --disk` removes it",
        )


def _incarnate(machine: Machine, target: Target) -> None:
    """Give a recorded machine keys, seed and overlay, and boot it."""
    resolved = machine.record.machine
    make_private_directory(resolved.paths.runtime)
    documents = write_identity(resolved, adopt=adopts(target))
    write_seed(resolved.paths.seed, documents)
    if not resolved.paths.overlay.exists():
        base = Path(machine.record.base)
        size = resolved.disk_size or inspect_image(base).virtual_size
        create_overlay(base, resolved.paths.overlay, size)
        # A fresh disk has a console of its own.
        resolved.paths.console_log.unlink(missing_ok=True)
    machine.backend.define(resolved)
    with machine.progress.phase(f"booting {machine.name}"):
        machine.backend.start(machine.record.domain)
    machine.record = dataclasses.replace(machine.record, stage=Stage.CREATED)
    write_record(machine.record)


def write_identity(machine: ResolvedMachine, *, adopt: bool) -> dict[str, str]:
    """The machine's keys, made where they are missing, and the seed's documents that carry them."""
    user_key = make_key_pair(machine.paths.user_key, comment=f"{machine.user}@{machine.domain}")
    host_key = make_key_pair(machine.paths.host_key, comment=machine.domain)
    write_atomically(
        machine.paths.known_hosts, known_hosts_line(machine.domain, host_key.public) + "\n"
    )
    return render_seed(
        domain_uuid=machine.uuid,
        hostname=machine.hostname,
        user=machine.user,
        adopt=adopt,
        authorized_keys=[user_key.public],
        host_key_private=host_key.private,
        host_key_public=host_key.public,
    )


def adopts(target: Target) -> bool:
    """Whether the image has the account already, so that cloud-init need not make it."""
    source = target.entity.source
    user = target.entity.ssh.user
    return (
        isinstance(source, CloudImage)
        and source.base_user is not None
        and (user is None or user == source.base_user)
    )
