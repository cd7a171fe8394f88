"""The disk of a machine on another hypervisor: a base that all share, an overlay, the seed.

All are volumes of libvirt's storage pool there. The base's name holds its image's digest and tells
our bases from those of other people, who may use the same pool; the others' hold the machine's
UUID. So everything is found again from the machines' records.
"""

from __future__ import annotations

import hashlib
import re
import socket
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, suppress
from pathlib import Path

from charly_vm.backend.libvirt_session import SESSION_URI, libvirt_uri
from charly_vm.backend.libvirt_storage import (
    Volume,
    create_overlay_volume,
    find_volume,
    find_volumes,
    remove_volumes,
    upload_file,
    upload_image,
)
from charly_vm.disk.qcow2 import inspect_image, require_room_for
from charly_vm.errors import CharlyError, HostError
from charly_vm.host.files import explain_os_errors, make_private_directory
from charly_vm.host.locks import hold
from charly_vm.host.paths import machines_directory, state_directory
from charly_vm.host.progress import SILENT, Progress
from charly_vm.machine.records import MachineRecord, read_records
from charly_vm.machine.survey import survey
from charly_vm.model.resolve.hypervisor import choose_hypervisor
from charly_vm.model.resolved import BackendName, Hypervisor, ResolvedMachine

UPLOAD_WAIT_SECONDS = 2 * 3600.0
UNUSED_SECONDS = 14 * 24 * 3600.0
"""A base that no machine needs is kept for this long after it was uploaded."""


def make_volumes(record: MachineRecord, progress: Progress = SILENT) -> None:
    """Upload the seed, and make the disk where it is not there yet, with its base before it."""
    machine = record.machine
    there = machine.hypervisor
    if there is None:
        raise AssertionError(f"{machine.domain} is on no other hypervisor")
    if not has_disk(machine):
        base = Path(record.base)
        info = inspect_image(base)
        size = machine.disk_size or info.virtual_size
        require_room_for(base, info, size)
        if info.format != "qcow2" or info.other_files:
            raise HostError(
                f"the image {base} cannot be uploaded: it is not one qcow2 by itself",
                hint=f"build it again: `charly vm build {record.entity}`",
            )
        name = base_volume(base)
        with _uploading(there):
            upload_image(there, base, name, size=info.virtual_size, progress=progress)
            remove_volumes(there, [machine.disk_volume, machine.nvram_volume])
            create_overlay_volume(there, name, machine.disk_volume, size)
        # A fresh disk has a console of its own.
        machine.paths.console_log.unlink(missing_ok=True)
    upload_file(there, machine.paths.seed, machine.seed_volume)


def has_disk(machine: ResolvedMachine) -> bool:
    """Whether the disk that the machine writes to is there, wherever that is."""
    if machine.hypervisor is None:
        return machine.paths.overlay.exists()
    found = find_volume(machine.hypervisor, machine.disk_volume)
    return found is not None and found.format == "qcow2" and bool(found.below)


def drop_disk_volume(machine: ResolvedMachine) -> None:
    """Remove what belongs to one incarnation; nothing for a machine whose files are ours."""
    if machine.hypervisor is not None:
        remove_volumes(machine.hypervisor, [machine.disk_volume, machine.nvram_volume])


def drop_volumes(machine: ResolvedMachine) -> None:
    """Remove all but the base; nothing for a machine whose files are ours."""
    if machine.hypervisor is not None:
        names = [machine.disk_volume, machine.nvram_volume, machine.seed_volume]
        remove_volumes(machine.hypervisor, names)


def drop_nvram_volume(machine: ResolvedMachine) -> None:
    """Remove its UEFI variables; nothing for a machine whose files are ours."""
    if machine.hypervisor is not None:
        remove_volumes(machine.hypervisor, [machine.nvram_volume])


def prune_bases(hypervisors: Iterable[Hypervisor]) -> tuple[list[str], list[CharlyError]]:
    """Remove our bases that nothing needs. Returns what was removed, in words, and what could not
    be looked at."""
    removed: list[str] = []
    failed: list[CharlyError] = []
    for there in hypervisors:
        try:
            with _uploading(there):
                # Whoever has the lock after us has a record by now that says what it needs.
                records, unreadable = read_records()
                needed = {base_volume(Path(one.base)) for one in records if one.machine.hypervisor}
                unneeded = find_unneeded(find_volumes(there), needed, there.directory, time.time())
                if not unreadable:
                    remove_volumes(there, unneeded)
                    removed += [f"volume {name} at {there.uri}" for name in unneeded]
        except CharlyError as error:
            failed.append(error)
    return removed, failed


def known_hypervisors() -> list[Hypervisor]:
    """Those of the machines on record, and the one where machines are made now."""
    records, _ = read_records()
    known = [one.machine.hypervisor for one in records if one.machine.hypervisor]
    if libvirt_uri() != SESSION_URI:
        backend = BackendName.LIBVIRT, ""
        with suppress(CharlyError):
            known += filter(None, [choose_hypervisor(backend, survey())])
    return list(dict.fromkeys(known))


def find_unneeded(
    volumes: Iterable[Volume], needed: set[str], directory: str, now: float
) -> list[str]:
    """Our bases that are half uploaded, and those that nobody has used for long.

    What any volume stands on is needed, whoever's that is.
    """
    volumes = list(volumes)
    below = {volume.below for volume in volumes}
    return [
        volume.name
        for volume in volumes
        if _OURS.fullmatch(volume.name)
        and volume.name.endswith(f"-{_installation()}.qcow2")
        and volume.name not in needed
        and f"{directory}/{volume.name}" not in below
        and (volume.format != "qcow2" or now - volume.written > UNUSED_SECONDS)
    ]


_OURS = re.compile(r"charly-base-[0-9a-f]{12}-[0-9a-f]{8}\.qcow2")


def base_volume(image: Path) -> str:
    """The name of an image of the store in a hypervisor's pool."""
    named = re.fullmatch(r"[0-9a-f]{64}", image.stem)
    digest = image.stem if named else _digest(image)
    return f"charly-base-{digest[:12]}-{_installation()}.qcow2"


def _uploading(there: Hypervisor) -> AbstractContextManager[None]:
    """Held by the one of ours who changes the bases in a pool."""
    directory = make_private_directory(state_directory() / "uploads")
    digest = hashlib.sha256(f"{there.uri}\0{there.pool}".encode()).hexdigest()
    return hold(directory / f"{digest[:16]}.lock", timeout=UPLOAD_WAIT_SECONDS)


def _installation() -> str:
    """Tells this data directory on this host from all others."""
    try:
        host = Path("/etc/machine-id").read_text().strip()
    except OSError:
        host = ""
    text = f"{host or socket.gethostname()}\0{machines_directory()}"
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _digest(path: Path) -> str:
    with explain_os_errors(f"read the image {path}"), path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
