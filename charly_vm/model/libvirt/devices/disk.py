"""`<disk>`: disks beside the machine's own and its seed, which are vda and vdb."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from charly_vm.model.base import Model
from charly_vm.model.libvirt.devices.notation import Several, Short, Typed
from charly_vm.model.libvirt.devices.values import (
    AbsolutePath,
    BootOrder,
    Port,
    VirtioModel,
    VirtioOptions,
)
from charly_vm.model.libvirt.numbers import Count
from charly_vm.model.libvirt.switches import OnOff, Switch, YesNo

MAIN_KEYS = {"file": "file", "block": "dev", "dir": "dir", "volume": "volume", "vhostuser": "path"}
"""Which key of its source a disk's bare text is."""


class DiskHost(Short):
    """A server of a network disk."""

    short_for: ClassVar[str] = "name"
    name: str | None = None
    port: Port | None = None
    transport: Literal["tcp", "rdma", "unix"] | None = None
    socket: AbsolutePath | None = None


class DiskSource(Model):
    """Where the contents are; which keys it has depends on the disk's type."""

    file: AbsolutePath | None = None
    dev: AbsolutePath | None = None
    dir: AbsolutePath | None = None
    pool: str | None = None
    volume: str | None = None
    mode: Literal["host", "direct"] | None = None
    """Of an iSCSI pool's volume."""
    protocol: (
        Literal["nbd", "iscsi", "rbd", "gluster", "http", "https", "ftp", "ftps", "ssh", "nfs"]
        | None
    ) = None
    name: str | None = None
    """Of the export or image on the server."""
    query: str | None = None
    tls: YesNo | None = None
    host: Several[DiskHost] = ()
    path: AbsolutePath | None = None
    """The socket of a vhost-user daemon."""
    startup_policy: Literal["mandatory", "requisite", "optional"] | None = None
    """What a missing file means."""


class DiskTarget(Short):
    """Its name in libvirt, which also chooses the bus: vdc, sda, hda, fda."""

    short_for: ClassVar[str] = "dev"
    dev: str = Field(pattern=r"^(vd|sd|hd|fd)[a-z]+$")
    bus: Literal["virtio", "sata", "scsi", "usb", "ide", "fdc", "sd"] | None = None
    tray: Literal["open", "closed"] | None = None
    removable: OnOff | None = None
    rotation_rate: Count | None = None
    """Revolutions per minute; 1 for a disk that does not turn."""


class DiskDriver(VirtioOptions):
    name: str = "qemu"
    type: Literal["raw", "qcow2", "qed", "vdi", "vmdk", "vpc", "vhdx", "fat", "luks"] | None = None
    """The format; raw where nothing is said."""
    cache: (
        Literal["default", "none", "writeback", "writethrough", "directsync", "unsafe"] | None
    ) = None
    io: Literal["threads", "native", "io_uring"] | None = None
    discard: Literal["unmap", "ignore"] | None = None
    discard_no_unref: OnOff | None = None
    detect_zeroes: Literal["off", "on", "unmap"] | None = None
    error_policy: Literal["stop", "report", "ignore", "enospace"] | None = None
    rerror_policy: Literal["stop", "report", "ignore"] | None = None
    ioeventfd: OnOff | None = None
    event_idx: OnOff | None = None
    copy_on_read: OnOff | None = None
    iothread: Count | None = None
    """Which of the domain's `iothreads`, counted from 1."""
    queues: Count | None = None
    queue_size: Count | None = None


class Disk(Typed):
    only: ClassVar = {
        "source.file": ("file",),
        "source.dev": ("block",),
        "source.dir": ("dir",),
        "source.pool": ("volume",),
        "source.volume": ("volume",),
        "source.mode": ("volume",),
        "source.protocol": ("network",),
        "source.name": ("network",),
        "source.query": ("network",),
        "source.tls": ("network",),
        "source.host": ("network",),
        "source.path": ("vhostuser",),
        "transient": ("file",),
        "source.startup_policy": ("file", "block", "dir", "volume"),
    }
    needs: ClassVar = {
        "block": ("source.dev",),
        "dir": ("source.dir",),
        "network": ("source.protocol",),
        "volume": ("source.pool", "source.volume"),
        "vhostuser": ("source.path",),
    }
    type: Literal["file", "block", "dir", "network", "volume", "vhostuser"] = "file"
    device: Literal["disk", "cdrom", "floppy", "lun"] = "disk"
    model: VirtioModel | None = None
    snapshot: Literal["internal", "external", "no", "manual"] | None = None
    source: DiskSource | None = None
    """Left out for a CD-ROM or floppy drive with nothing in it."""
    target: DiskTarget | None = None
    """The next free name of its kind without one."""
    driver: DiskDriver | None = None
    readonly: Switch = False
    shareable: Switch = False
    transient: Switch = False
    serial: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_.+ -]+$")
    wwn: str | None = Field(default=None, pattern=r"^(0x)?[0-9a-fA-F]{16}$")
    vendor: str | None = Field(default=None, max_length=8)
    product: str | None = Field(default=None, max_length=16)
    boot: BootOrder | None = None

    @field_validator("source", mode="before", json_schema_input_type=DiskSource | str | None)
    @classmethod
    def _expand(cls, written: object, info: ValidationInfo) -> object:
        """`source: /path` is the key that the disk's type has."""
        if not isinstance(written, str):
            return written
        return {MAIN_KEYS.get(info.data.get("type", ""), "name"): written}
