"""Character devices: what the host has at its end of a serial port, a console or a channel."""

from __future__ import annotations

from typing import ClassVar, Literal

from charly_vm.model.base import Model
from charly_vm.model.libvirt.devices.notation import Short, Typed
from charly_vm.model.libvirt.devices.values import AbsolutePath, Port
from charly_vm.model.libvirt.numbers import Index
from charly_vm.model.libvirt.switches import OnOff, YesNo

CharacterType = Literal[
    "pty",
    "unix",
    "tcp",
    "udp",
    "file",
    "pipe",
    "dev",
    "null",
    "stdio",
    "vc",
    "spicevmc",
    "spiceport",
    "qemu-vdagent",
    "dbus",
]

_WITH_A_PATH = ("unix", "file", "pipe", "dev")

BY_TYPE: dict[str, tuple[str, ...]] = {
    "source.path": _WITH_A_PATH,
    "source.mode": ("unix", "tcp"),
    "source.host": ("tcp", "udp"),
    "source.service": ("tcp", "udp"),
    "source.bind": ("udp",),
    "source.append": ("file",),
    "source.tls": ("tcp",),
    "source.reconnect": ("unix", "tcp"),
    "source.channel": ("spiceport", "dbus"),
    "source.clipboard": ("qemu-vdagent",),
    "source.mouse": ("qemu-vdagent",),
    "protocol": ("tcp",),
}
"""Which types a key belongs to."""

NEEDS: dict[str, tuple[str, ...]] = {
    "unix": ("source.path",),
    "tcp": ("source.host", "source.service"),
    "udp": ("source.host", "source.service"),
    "file": ("source.path",),
    "pipe": ("source.path",),
    "dev": ("source.path",),
    "spiceport": ("source.channel",),
    "dbus": ("source.channel",),
}


class Reconnect(Short):
    """Try again every so many seconds where the other side is not there; mode connect alone."""

    short_for: ClassVar[str] = "timeout"
    enabled: YesNo = "yes"
    """Whether to."""
    timeout: Index | None = None
    """The seconds."""


class BoundAddress(Model):
    """Where a UDP device listens."""

    host: str = "127.0.0.1"
    """The address."""
    service: Port
    """The port."""


class Clipboard(Short):
    """Whether copied text goes to and fro."""

    short_for: ClassVar[str] = "copypaste"
    copypaste: YesNo


class Mouse(Short):
    """Who draws the pointer."""

    short_for: ClassVar[str] = "mode"
    mode: Literal["server", "client"]


class CharacterSource(Short):
    """The host's end. A bare text is its path."""

    short_for: ClassVar[str] = "path"
    path: AbsolutePath | None = None
    """The file, socket or device."""
    mode: Literal["bind", "connect"] | None = None
    """Whether QEMU listens or calls; it listens where nothing is said."""
    host: str | None = None
    """The address."""
    service: Port | None = None
    """The port."""
    bind: BoundAddress | None = None
    append: OnOff | None = None
    """Write behind what is in the file."""
    tls: YesNo | None = None
    """Whether the line is encrypted."""
    reconnect: Reconnect | None = None
    channel: str | None = None
    """The name under which SPICE or D-Bus offers it."""
    clipboard: Clipboard | None = None
    """Whether copied text goes to and fro."""
    mouse: Mouse | None = None


class CharacterLog(Short):
    """A file that keeps what came through."""

    short_for: ClassVar[str] = "file"
    file: AbsolutePath
    """The file."""
    append: OnOff | None = None
    """Write behind what is in it."""


class CharacterDevice(Typed):
    """What all of them have in common; each kind adds its end in the guest."""

    only: ClassVar = BY_TYPE
    needs: ClassVar = NEEDS
    type: CharacterType = "pty"
    """What the host has at its end."""
    source: CharacterSource | None = None
    """Where the host's end is."""
    protocol: Literal["raw", "telnet", "telnets", "tls"] | None = None
    """What is spoken over the line."""
    log: CharacterLog | None = None
    """A file that keeps what came through."""
