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
    timeout: Index | None = None


class BoundAddress(Model):
    """Where a UDP device listens."""

    host: str = "127.0.0.1"
    service: Port


class Clipboard(Short):
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
    mode: Literal["bind", "connect"] | None = None
    """Whether QEMU listens or calls; it listens where nothing is said."""
    host: str | None = None
    service: Port | None = None
    bind: BoundAddress | None = None
    append: OnOff | None = None
    tls: YesNo | None = None
    reconnect: Reconnect | None = None
    channel: str | None = None
    """The name under which SPICE or D-Bus offers it."""
    clipboard: Clipboard | None = None
    mouse: Mouse | None = None


class CharacterLog(Short):
    """A file that keeps what came through."""

    short_for: ClassVar[str] = "file"
    file: AbsolutePath
    append: OnOff | None = None


class CharacterDevice(Typed):
    """What all of them have in common; each kind adds its end in the guest."""

    only: ClassVar = BY_TYPE
    needs: ClassVar = NEEDS
    type: CharacterType = "pty"
    source: CharacterSource | None = None
    protocol: Literal["raw", "telnet", "telnets", "tls"] | None = None
    log: CharacterLog | None = None
