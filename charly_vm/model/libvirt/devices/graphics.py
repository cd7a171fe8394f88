"""`<graphics>`: how people see the guest's screen."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from charly_vm.model.base import Model
from charly_vm.model.libvirt.devices.character import Clipboard, Mouse
from charly_vm.model.libvirt.devices.notation import Several, Short, Typed
from charly_vm.model.libvirt.devices.values import AbsolutePath
from charly_vm.model.libvirt.numbers import Index
from charly_vm.model.libvirt.switches import OnOff, YesNo

ServerPort = Annotated[int, Field(strict=True, ge=-1, le=65535)]
"""-1 has libvirt choose one, as `autoport` does."""


class Listener(Typed):
    """Where a server listens."""

    only: ClassVar = {"address": ("address",), "network": ("network",), "socket": ("socket",)}
    needs: ClassVar = {"network": ("network",)}
    type: Literal["address", "network", "socket", "none"]
    address: str | None = None
    network: str | None = None
    """A network of libvirt's, whose address on the host is listened on."""
    socket: AbsolutePath | None = None
    """Without a path libvirt keeps the socket at a place of its own."""


def _from_text(written: object) -> object:
    """A path is that of a socket; anything else is an address."""
    if not isinstance(written, str):
        return written
    kind = "socket" if "/" in written else "address"
    return {"type": kind, kind: written}


ListenerField = Annotated[
    Listener, BeforeValidator(_from_text, json_schema_input_type=Listener | str)
]


class OpenGl(Short):
    """Rendering on the host's graphics card."""

    short_for: ClassVar[str] = "enable"
    enable: YesNo = "yes"
    rendernode: AbsolutePath | None = None


class SpiceChannel(Model):
    """Whether one of SPICE's channels is encrypted."""

    name: Literal[
        "main", "display", "inputs", "cursor", "playback", "record", "smartcard", "usbredir"
    ]
    mode: Literal["any", "secure", "insecure"]


class ImageCompression(Short):
    short_for: ClassVar[str] = "compression"
    compression: Literal["auto_glz", "auto_lz", "quic", "glz", "lz", "off"]


class LossyCompression(Short):
    """Of JPEG and zlib over slow lines."""

    short_for: ClassVar[str] = "compression"
    compression: Literal["auto", "never", "always"]


class Playback(Short):
    short_for: ClassVar[str] = "compression"
    compression: OnOff


class Streaming(Short):
    short_for: ClassVar[str] = "mode"
    mode: Literal["filter", "all", "off"]


class FileTransfer(Short):
    short_for: ClassVar[str] = "enable"
    enable: YesNo


class Graphics(Typed):
    """One way to the screen. Servers listen on 127.0.0.1 unless they are told where."""

    only: ClassVar = {
        "port": ("vnc", "spice", "rdp"),
        "autoport": ("vnc", "spice", "rdp"),
        "listen": ("vnc", "spice", "rdp"),
        "passwd": ("vnc", "spice", "rdp"),
        "passwd_valid_to": ("vnc", "spice"),
        "connected": ("vnc", "spice"),
        "keymap": ("vnc", "spice"),
        "websocket": ("vnc",),
        "share_policy": ("vnc",),
        "power_control": ("vnc",),
        "tls_port": ("spice",),
        "default_mode": ("spice",),
        "channels": ("spice",),
        "image": ("spice",),
        "jpeg": ("spice",),
        "zlib": ("spice",),
        "playback": ("spice",),
        "streaming": ("spice",),
        "clipboard": ("spice",),
        "mouse": ("spice",),
        "filetransfer": ("spice",),
        "username": ("rdp",),
        "replace_user": ("rdp",),
        "multi_user": ("rdp",),
        "display": ("sdl",),
        "xauth": ("sdl",),
        "fullscreen": ("sdl",),
        "address": ("dbus",),
        "p2p": ("dbus",),
        "gl": ("spice", "sdl", "egl-headless", "dbus"),
        "gl.rendernode": ("spice", "egl-headless", "dbus"),
        "audio": ("vnc", "dbus"),
    }
    type: Literal["vnc", "spice", "rdp", "sdl", "egl-headless", "dbus"]
    port: ServerPort | None = None
    autoport: YesNo | None = None
    tls_port: ServerPort | None = None
    websocket: ServerPort | None = None
    listen: Several[ListenerField] = ()
    passwd: str | None = None
    passwd_valid_to: str | None = Field(
        default=None, pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$"
    )
    """UTC, as 2027-01-31T12:00:00."""
    connected: Literal["keep", "disconnect", "fail"] | None = None
    """What a change of the password does to who is connected."""
    keymap: str | None = None
    share_policy: Literal["allow-exclusive", "force-shared", "ignore"] | None = None
    power_control: YesNo | None = None
    default_mode: Literal["any", "secure", "insecure"] | None = None
    channels: Several[SpiceChannel] = ()
    image: ImageCompression | None = None
    jpeg: LossyCompression | None = None
    zlib: LossyCompression | None = None
    playback: Playback | None = None
    streaming: Streaming | None = None
    clipboard: Clipboard | None = None
    mouse: Mouse | None = None
    filetransfer: FileTransfer | None = None
    username: str | None = None
    replace_user: YesNo | None = None
    multi_user: YesNo | None = None
    display: str | None = None
    xauth: str | None = None
    fullscreen: YesNo | None = None
    address: str | None = None
    """Of the message bus."""
    p2p: YesNo | None = None
    gl: OpenGl | None = None
    audio: Index | None = None
    """The id of the `audio` that it plays."""
