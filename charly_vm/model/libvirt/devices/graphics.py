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
"""A port, or -1 for one that libvirt chooses."""


class Listener(Typed):
    """Where a server listens."""

    only: ClassVar = {"address": ("address",), "network": ("network",), "socket": ("socket",)}
    needs: ClassVar = {"network": ("network",)}
    type: Literal["address", "network", "socket", "none"]
    """What it listens at."""
    address: str | None = None
    """An address of the host."""
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
    """Whether it is used."""
    rendernode: AbsolutePath | None = None
    """The card, such as /dev/dri/renderD128; libvirt chooses one where it is not given."""


class SpiceChannel(Model):
    """Whether one of SPICE's channels is encrypted."""

    name: Literal[
        "main", "display", "inputs", "cursor", "playback", "record", "smartcard", "usbredir"
    ]
    """Which it is."""
    mode: Literal["any", "secure", "insecure"]
    """Whether it has to be."""


class ImageCompression(Short):
    """How pictures are compressed."""

    short_for: ClassVar[str] = "compression"
    compression: Literal["auto_glz", "auto_lz", "quic", "glz", "lz", "off"]


class LossyCompression(Short):
    """Whether pictures lose something over slow lines."""

    short_for: ClassVar[str] = "compression"
    compression: Literal["auto", "never", "always"]


class Playback(Short):
    """Whether sound is compressed."""

    short_for: ClassVar[str] = "compression"
    compression: OnOff


class Streaming(Short):
    """What is taken for a film."""

    short_for: ClassVar[str] = "mode"
    mode: Literal["filter", "all", "off"]


class FileTransfer(Short):
    """Whether a viewer may drop files into the guest."""

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
    """Which way it is."""
    port: ServerPort | None = None
    """Where a viewer connects to."""
    autoport: YesNo | None = None
    """Have libvirt choose the port."""
    tls_port: ServerPort | None = None
    """Where a viewer connects to with encryption."""
    websocket: ServerPort | None = None
    """Where a browser connects to."""
    listen: Several[ListenerField] = ()
    """Where the server listens; text with a slash is a socket's path, any other an address."""
    passwd: str | None = None
    """What a viewer is asked for. Other users of the host may read it where QEMU is started
    directly."""
    passwd_valid_to: str | None = Field(
        default=None, pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$"
    )
    """Until when the password counts, in UTC: 2027-01-31T12:00:00."""
    connected: Literal["keep", "disconnect", "fail"] | None = None
    """What a change of the password does to who is connected."""
    keymap: str | None = None
    """The viewer's keyboard, such as de."""
    share_policy: Literal["allow-exclusive", "force-shared", "ignore"] | None = None
    """Whether several may look on."""
    power_control: YesNo | None = None
    """Whether a viewer may switch the machine off."""
    default_mode: Literal["any", "secure", "insecure"] | None = None
    """Whether SPICE's channels are encrypted that nothing is said of."""
    channels: Several[SpiceChannel] = ()
    """Single channels of SPICE's, and whether they are encrypted."""
    image: ImageCompression | None = None
    """How pictures are compressed."""
    jpeg: LossyCompression | None = None
    """Whether pictures become JPEG over slow lines."""
    zlib: LossyCompression | None = None
    """Whether pictures are compressed once more over slow lines."""
    playback: Playback | None = None
    """Whether sound is compressed."""
    streaming: Streaming | None = None
    """What is taken for a film."""
    clipboard: Clipboard | None = None
    """Whether copied text goes to and fro."""
    mouse: Mouse | None = None
    filetransfer: FileTransfer | None = None
    """Whether a viewer may drop files into the guest."""
    username: str | None = None
    """Who may log in."""
    replace_user: YesNo | None = None
    """Whether who comes later takes the place of who is there."""
    multi_user: YesNo | None = None
    """Whether several may look on."""
    display: str | None = None
    """The X display on which the window opens."""
    xauth: str | None = None
    """The file with the right to that display."""
    fullscreen: YesNo | None = None
    """Whether the window fills the screen."""
    address: str | None = None
    """Of the message bus."""
    p2p: YesNo | None = None
    """Talk to one peer without a bus."""
    gl: OpenGl | None = None
    """Rendering on the host's graphics card."""
    audio: Index | None = None
    """The id of the `audio` that it plays."""
