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
    """Its name or address."""
    port: Port | None = None
    """Its port; the protocol's usual one where it is not given."""
    transport: Literal["tcp", "rdma", "unix"] | None = None
    """What carries it."""
    socket: AbsolutePath | None = None
    """Its socket, with transport unix."""


class DiskSource(Model):
    """Where the contents are; which keys it has depends on the disk's type."""

    file: AbsolutePath | None = None
    """The image."""
    dev: AbsolutePath | None = None
    """The block device."""
    dir: AbsolutePath | None = None
    """The directory, which the guest sees as a FAT disk."""
    pool: str | None = None
    """libvirt's storage pool."""
    volume: str | None = None
    """The volume in the pool."""
    mode: Literal["host", "direct"] | None = None
    """Of an iSCSI pool's volume."""
    protocol: (
        Literal["nbd", "iscsi", "rbd", "gluster", "http", "https", "ftp", "ftps", "ssh", "nfs"]
        | None
    ) = None
    """How the server is spoken to."""
    name: str | None = None
    """Of the export or image on the server."""
    query: str | None = None
    """What stands behind the ? of a URL."""
    tls: YesNo | None = None
    """Whether the connection is encrypted."""
    host: Several[DiskHost] = ()
    """The server, or several."""
    path: AbsolutePath | None = None
    """The socket of a vhost-user daemon."""
    startup_policy: Literal["mandatory", "requisite", "optional"] | None = None
    """What a missing file means."""


class DiskTarget(Short):
    """Its name in libvirt, which also chooses the bus: vdc, sda, hda, fda."""

    short_for: ClassVar[str] = "dev"
    dev: str = Field(pattern=r"^(vd|sd|hd|fd)[a-z]+$")
    """The name, which also chooses the bus: vdc, sda, hda, fda."""
    bus: Literal["virtio", "sata", "scsi", "usb", "ide", "fdc", "sd"] | None = None
    """The bus, where the name should not choose it."""
    tray: Literal["open", "closed"] | None = None
    """Whether a drive begins with its tray open."""
    removable: OnOff | None = None
    """Whether the guest takes it for a medium that can be pulled out."""
    rotation_rate: Count | None = None
    """Revolutions per minute; 1 for a disk that does not turn."""


class DiskDriver(VirtioOptions):
    """How QEMU reads and writes a disk."""

    name: str = "qemu"
    """Who does it."""
    type: Literal["raw", "qcow2", "qed", "vdi", "vmdk", "vpc", "vhdx", "fat", "luks"] | None = None
    """The format; raw where nothing is said."""
    cache: (
        Literal["default", "none", "writeback", "writethrough", "directsync", "unsafe"] | None
    ) = None
    """How the host caches it."""
    io: Literal["threads", "native", "io_uring"] | None = None
    """How it is read and written on the host."""
    discard: Literal["unmap", "ignore"] | None = None
    """What the guest gives back is given back on the host as well, or not."""
    discard_no_unref: OnOff | None = None
    """Of qcow2: keep a place that was given back for what comes there again."""
    detect_zeroes: Literal["off", "on", "unmap"] | None = None
    """Whether written zeroes are noticed and not stored."""
    error_policy: Literal["stop", "report", "ignore", "enospace"] | None = None
    """What happens when writing fails."""
    rerror_policy: Literal["stop", "report", "ignore"] | None = None
    """What happens when reading fails."""
    ioeventfd: OnOff | None = None
    """Whether requests are handled outside of the CPU's thread."""
    event_idx: OnOff | None = None
    """Whether interrupts are kept few."""
    copy_on_read: OnOff | None = None
    """Keep what is read from a backing file."""
    iothread: Count | None = None
    """Which of the domain's `iothreads`, counted from 1."""
    queues: Count | None = None
    """How many queues it has."""
    queue_size: Count | None = None
    """How many requests each holds."""


class Disk(Typed):
    """A disk beside the machine's own and its seed, which are vda and vdb."""

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
    """Where its contents are."""
    device: Literal["disk", "cdrom", "floppy", "lun"] = "disk"
    """What the guest sees."""
    model: VirtioModel | None = None
    """Which virtio it speaks."""
    snapshot: Literal["internal", "external", "no", "manual"] | None = None
    """What a snapshot of libvirt's does with it."""
    source: DiskSource | None = None
    """Where the contents are; text is the key that the type has. Left out for a CD-ROM or floppy
    drive with nothing in it."""
    target: DiskTarget | None = None
    """The next free name of its kind without one."""
    driver: DiskDriver | None = None
    """How QEMU reads and writes it."""
    readonly: Switch = False
    """The guest cannot write to it."""
    shareable: Switch = False
    """Other machines may have it at the same time."""
    transient: Switch = False
    """What is written is gone when the machine stops."""
    serial: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_.+ -]+$")
    """The serial number that the guest sees."""
    wwn: str | None = Field(default=None, pattern=r"^(0x)?[0-9a-fA-F]{16}$")
    """The World Wide Name that the guest sees, in 16 hexadecimal digits."""
    vendor: str | None = Field(default=None, max_length=8)
    """The maker that the guest sees."""
    product: str | None = Field(default=None, max_length=16)
    """The model that the guest sees."""
    boot: BootOrder | None = None
    """When firmware tries it."""

    @field_validator("source", mode="before", json_schema_input_type=DiskSource | str | None)
    @classmethod
    def _expand(cls, written: object, info: ValidationInfo) -> object:
        """`source: /path` is the key that the disk's type has."""
        if not isinstance(written, str):
            return written
        return {MAIN_KEYS.get(info.data.get("type", ""), "name"): written}
