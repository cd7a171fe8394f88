"""Disks as volumes of a hypervisor's storage pool, brought there over libvirt's own connection."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from charly_vm.backend.libvirt_binding import import_libvirt
from charly_vm.backend.libvirt_hypervisor import pool_command
from charly_vm.backend.libvirt_session import with_connection
from charly_vm.backend.volume_stream import send_file
from charly_vm.errors import GuestTimeout, HostError
from charly_vm.host.amounts import format_size
from charly_vm.host.files import explain_os_errors
from charly_vm.host.progress import SILENT, Progress
from charly_vm.host.waiting import Deadline, NotYet, wait_for
from charly_vm.model.resolved import Hypervisor

REFRESH_SECONDS = 60.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume as libvirt describes it. Sizes are bytes."""

    name: str
    format: str
    capacity: int
    """What a guest sees of an image."""
    physical: int
    """The length of the file."""
    below: str
    """The path of the image that it stands on, empty for one of its own."""
    written: float
    """When it was last written to, in seconds since 1970 on that host's clock."""


def find_volumes(hypervisor: Hypervisor) -> list[Volume]:
    """All volumes of the pool, looked at now."""

    def work(_: Any, pool: Any) -> list[Volume]:
        _refresh(pool)
        return [_describe(volume) for volume in pool.listAllVolumes()]

    return _with_pool(hypervisor, work)


def find_volume(hypervisor: Hypervisor, name: str) -> Volume | None:
    """One volume, looked at now."""

    def work(_: Any, pool: Any) -> Volume | None:
        _refresh(pool)
        volume = _lookup(pool, name)
        return None if volume is None else _describe(volume)

    return _with_pool(hypervisor, work)


def upload_image(
    hypervisor: Hypervisor, image: Path, name: str, *, size: int, progress: Progress = SILENT
) -> None:
    """Have a volume `name` that is the qcow2 `image`, in which a guest sees `size` bytes.

    One that is there and whole is left as it is, one that an interrupted upload has left is made
    anew. The caller sees to it that nobody else does the same at the same time.
    """
    with explain_os_errors(f"read {image}"):
        length = image.stat().st_size
    if _is_whole(find_volume(hypervisor, name), size, length):
        return
    _upload(hypervisor, image, name, progress)
    if not _is_whole(find_volume(hypervisor, name), size, length):
        raise HostError(
            f"the volume {name} in the pool {hypervisor.pool} of {hypervisor.uri} is not what was "
            "uploaded",
            hint="somebody else may have removed or changed it; try again",
        )


def _is_whole(volume: Volume | None, size: int, length: int) -> bool:
    return volume is not None and ("qcow2", size, length) == (
        volume.format,
        volume.capacity,
        volume.physical,
    )


def upload_file(hypervisor: Hypervisor, file: Path, name: str) -> None:
    """Have a volume `name` that holds what a small file holds, in place of what was there."""
    _upload(hypervisor, file, name, SILENT)


def create_overlay_volume(hypervisor: Hypervisor, base: str, name: str, size: int) -> None:
    """Make a qcow2 of `size` bytes that reads from the volume `base` what it does not hold."""
    volume = _volume_xml(name, size, "qcow2")
    below = ET.SubElement(volume, "backingStore")
    ET.SubElement(below, "path").text = f"{hypervisor.directory}/{base}"
    ET.SubElement(below, "format", type="qcow2")
    _with_pool(hypervisor, lambda _, pool: _create(hypervisor, pool, volume))


def grow_volume(hypervisor: Hypervisor, name: str, size: int) -> None:
    """Have the guest see `size` bytes in a volume that nobody uses; it has fewer."""
    _with_pool(hypervisor, lambda _, pool: pool.storageVolLookupByName(name).resize(size, 0))


def remove_volumes(hypervisor: Hypervisor, names: Iterable[str]) -> None:
    """Remove those of the volumes that are there."""
    listed = list(names)
    _with_pool(hypervisor, lambda _, pool: _remove(pool, listed))


def _remove(pool: Any, names: Iterable[str]) -> None:
    libvirt = import_libvirt()
    _refresh(pool)
    for name in names:
        volume = _lookup(pool, name)
        if volume is None:
            continue
        try:
            volume.delete(0)
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_NO_STORAGE_VOL:
                raise


def _upload(hypervisor: Hypervisor, file: Path, name: str, progress: Progress) -> None:
    with explain_os_errors(f"read {file}"), file.open("rb") as source:
        length = os.fstat(source.fileno()).st_size
        described = _volume_xml(name, length, "raw")

        def work(connection: Any, pool: Any) -> None:
            _remove(pool, [name])
            _require_room(hypervisor, pool, length, name)
            volume = _create(hypervisor, pool, described)
            with progress.transfer(f"uploading to {hypervisor.uri}", length) as tell:
                send_file(connection, volume, source.fileno(), length, tell)

        _with_pool(hypervisor, work)


def _create(hypervisor: Hypervisor, pool: Any, described: ET.Element) -> Any:
    libvirt = import_libvirt()
    try:
        return pool.createXML(ET.tostring(described, encoding="unicode"), 0)
    except libvirt.libvirtError as error:
        raise HostError(
            f"cannot make the volume {described.findtext('name')} in the pool {hypervisor.pool} of "
            f"{hypervisor.uri}: {error}"
        ) from error


def _volume_xml(name: str, size: int, format_: str) -> ET.Element:
    volume = ET.Element("volume")
    ET.SubElement(volume, "name").text = name
    ET.SubElement(volume, "capacity", unit="bytes").text = str(size)
    ET.SubElement(volume, "allocation", unit="bytes").text = "0"
    target = ET.SubElement(volume, "target")
    ET.SubElement(target, "format", type=format_)
    if format_ == "qcow2":
        # libvirt's own choice is that of QEMU before 1.1.
        ET.SubElement(target, "compat").text = "1.1"
    return volume


def _require_room(hypervisor: Hypervisor, pool: Any, length: int, name: str) -> None:
    available = pool.info()[3]
    if length > available:
        raise HostError(
            f"the pool {hypervisor.pool} of {hypervisor.uri} has {format_size(available)} left, "
            f"and {name} takes {format_size(length)}",
            hint="free some room there; `charly vm prune` removes bases that no machine needs",
        )


def _describe(volume: Any) -> Volume:
    described = ET.fromstring(volume.XMLDesc(0))
    form = described.find("target/format")
    return Volume(
        name=volume.name(),
        format=form.get("type", "") if form is not None else "",
        capacity=int(described.findtext("capacity") or 0),
        physical=int(described.findtext("physical") or 0),
        below=described.findtext("backingStore/path") or "",
        written=float(described.findtext("target/timestamps/mtime") or 0),
    )


def _lookup(pool: Any, name: str) -> Any | None:
    libvirt = import_libvirt()
    try:
        return pool.storageVolLookupByName(name)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_STORAGE_VOL:
            return None
        raise


def _refresh(pool: Any) -> None:
    """Have libvirt look at the pool's files; it sees by itself neither a new format nor what
    others do. It refuses while it makes a volume there for anybody."""
    libvirt = import_libvirt()

    def attempt() -> bool | NotYet:
        try:
            pool.refresh(0)
        except libvirt.libvirtError as error:
            if "asynchronous jobs" not in str(error):
                raise
            return NotYet(str(error))
        return True

    try:
        wait_for(f"the pool {pool.name()}", attempt, Deadline(REFRESH_SECONDS))
    except GuestTimeout as error:
        raise HostError(str(error)) from error


def _with_pool(hypervisor: Hypervisor, operation: Callable[[Any, Any], T]) -> T:
    """Do something with a connection and the pool, which is started where it is not active."""
    libvirt = import_libvirt()

    def work(connection: Any) -> T:
        try:
            pool = connection.storagePoolLookupByName(hypervisor.pool)
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt.VIR_ERR_NO_STORAGE_POOL:
                raise
            raise HostError(
                f"{hypervisor.uri} has no storage pool {hypervisor.pool!r} any more",
                hint=f"it had its volumes in {hypervisor.directory}: "
                + pool_command(hypervisor.uri, hypervisor.pool, hypervisor.directory),
            ) from error
        if not pool.isActive():
            pool.create(0)
        return operation(connection, pool)

    return with_connection(work, hypervisor.uri)
