"""Removing what no record needs: machines of runs that died, half-made disks, old images."""

from __future__ import annotations

from pathlib import Path

from charly_vm.errors import CharlyError
from charly_vm.host.files import explain_os_errors
from charly_vm.host.locks import try_hold
from charly_vm.host.progress import SILENT, Progress
from charly_vm.machine.disks import image_store
from charly_vm.machine.kept_disk import require_no_stray
from charly_vm.machine.machine import Machine, remove_directory
from charly_vm.machine.ownership import is_left_over
from charly_vm.machine.records import (
    find_record,
    machine_directories,
    machine_lock,
    now,
    paths_of,
    read_records,
)
from charly_vm.machine.volumes import known_hypervisors, prune_bases


def prune(*, progress: Progress = SILENT) -> tuple[list[str], list[CharlyError]]:
    """Remove what is left over. Returns what was removed, in words, and what could not be.

    Machines that somebody holds, that were made by hand, or that are kept and have not expired, and
    their images are not touched.
    """
    removed: list[str] = []
    failed: list[CharlyError] = []
    # While the records of what is removed below still say so.
    hypervisors = known_hypervisors()
    for domain in machine_directories():
        try:
            removed += prune_machine(domain, progress=progress)
        except CharlyError as error:
            failed.append(error)
    records, unreadable = read_records()
    if not unreadable:
        # A record that cannot be read may name an image that it needs.
        keep = {Path(record.base) for record in records}
        removed += [f"image {path.name}" for path in image_store().prune(keep)]
    bases, unreachable = prune_bases(hypervisors)
    removed += bases
    failed += unreachable
    return removed, failed


def prune_machine(domain: str, *, progress: Progress = SILENT) -> list[str]:
    """As `prune`, for one machine by its whole name."""
    # Holding the lock proves that nobody is at work on the machine, now and until we are done.
    lock = try_hold(machine_lock(domain))
    if lock is None:
        return []
    with lock:
        return _prune_held(domain, progress)


def prune_left_over(*, progress: Progress = SILENT) -> list[str]:
    """As `prune`, for the machines alone whose owner has died; raises at the first that cannot be
    removed."""
    left = [record.machine.domain for record in read_records()[0] if is_left_over(record)]
    return [line for domain in left for line in prune_machine(domain, progress=progress)]


def _prune_held(domain: str, progress: Progress) -> list[str]:
    record = find_record(domain)
    if record is None:
        paths = paths_of(domain)
        if not paths.directory.exists() or list(paths.directory.iterdir()) == [paths.instance]:
            return []
        require_no_stray(paths.overlay)
        with explain_os_errors(f"remove what is left of {domain}"):
            remove_directory(paths, instance=False)
        return [f"directory of {domain}, which has no record"]
    machine = Machine(record, progress=progress)
    if record.is_expired(now()):
        machine.destroy(disk=True)
        return [f"machine {domain}, which was kept until {record.owner.expires}"]
    if not record.is_bound_to_owner:
        return []
    machine.destroy(disk=not record.disk_kept)
    kept = ", its disk is kept" if record.disk_kept else ""
    return [f"machine {domain}, left by {record.owner}{kept}"]
