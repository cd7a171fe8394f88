"""Where the contents of a disk are: the host's half of it, as `-drive` takes it."""

from __future__ import annotations

from urllib.parse import quote

from charly_vm.model.libvirt.devices.disk import Disk, DiskDriver, DiskHost, DiskSource
from charly_vm.render.qemu.option import Properties, switch

NBD_PORT = 10809
"""What is assigned to NBD."""


def render_image(disk: Disk) -> Properties:
    driver, source = disk.driver or DiskDriver(), disk.source or DiskSource()
    # QEMU would recognise the format, and a guest could write another one's header.
    written = "raw" if disk.type == "dir" else driver.type or "raw"
    return {
        "format": written,
        "file": _file(disk, source),
        # By this usb-storage knows that it is a CD-ROM.
        "media": "cdrom" if disk.device == "cdrom" else None,
        "readonly": True if disk.readonly or disk.device == "cdrom" else None,
        "cache": None if driver.cache == "default" else driver.cache,
        "aio": driver.io,
        "discard": driver.discard,
        "detect-zeroes": driver.detect_zeroes,
        "copy-on-read": switch(driver.copy_on_read),
        # What a transient disk is written goes to a file without a name in TMPDIR.
        "snapshot": disk.transient or None,
    }


def _file(disk: Disk, source: DiskSource) -> str | None:
    match disk.type:
        case "block":
            return source.dev
        case "dir":
            return f"fat:{source.dir}"
        case "network":
            return _nbd(source)
    return source.file


def _nbd(source: DiskSource) -> str:
    host = source.host[0] if source.host else DiskHost()
    name = quote(source.name or "")
    if host.socket is not None:
        return f"nbd+unix:///{name}?socket={quote(host.socket)}"
    return f"nbd://{host.name or 'localhost'}:{host.port or NBD_PORT}/{name}"
