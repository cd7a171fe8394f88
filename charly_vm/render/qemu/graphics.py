"""How people see the guest's screen: VNC, SPICE, and rendering without a window."""

from __future__ import annotations

from pathlib import Path

from charly_vm.model.libvirt.devices.graphics import Graphics, Listener
from charly_vm.model.resolved import ResolvedMachine
from charly_vm.render.qemu.option import Properties, Value, backend_object, escape, option, switch

VNC_BASE = 5900
"""The port of VNC's display 0."""
VNC_DISPLAYS = 99
"""How many displays are tried where no port is given."""

LOOPBACK = "127.0.0.1"


def render_graphics(machine: ResolvedMachine) -> list[str]:
    display = ["-display", "none"]
    words: list[str] = []
    for number, shown in enumerate(machine.libvirt.devices.graphics, 1):
        name = f"graphics{number}"
        match shown.type:
            case "vnc":
                words += _vnc(name, shown, machine.paths.runtime)
            case "spice":
                words += _spice(name, shown, machine.paths.runtime)
            case "egl-headless":
                node = shown.gl.rendernode if shown.gl else None
                display = ["-display", option("egl-headless", {"rendernode": node})]
        if shown.keymap is not None:
            words += ["-k", shown.keymap]
    return [*display, *words]


def _vnc(name: str, shown: Graphics, runtime: Path) -> list[str]:
    listener = shown.listen[0]
    secret, key = _password(name, shown)
    properties: dict[str, Value] = {"id": name}
    if listener.type == "socket":
        where = f"unix:{escape(_socket(name, listener, runtime))}"
    else:
        address = listener.address or LOOPBACK
        host = f"[{address}]" if ":" in address else address
        where = f"{host}:{max(shown.port or 0, VNC_BASE) - VNC_BASE}"
        properties["to"] = None if _is_fixed(shown) else VNC_DISPLAYS
        websocket = shown.websocket
        properties["websocket"] = True if websocket == -1 else websocket
    properties |= {
        "share": shown.share_policy,
        "power-control": switch(shown.power_control),
        "password-secret": key,
        "audiodev": None if shown.audio is None else f"audio{shown.audio}",
    }
    return [*secret, "-vnc", option(where, properties)]


def _spice(name: str, shown: Graphics, runtime: Path) -> list[str]:
    listener = shown.listen[0]
    secret, key = _password(name, shown)
    properties: dict[str, Value] = {}
    if listener.type == "socket":
        properties |= {"unix": True, "addr": _socket(name, listener, runtime)}
    else:
        properties |= {"addr": listener.address or LOOPBACK, "port": shown.port}
    properties |= {
        "password-secret": key,
        "disable-ticketing": None if key else True,
        "plaintext-channel": tuple(one.name for one in shown.channels if one.mode == "insecure"),
        "image-compression": shown.image.compression if shown.image else None,
        "jpeg-wan-compression": shown.jpeg.compression if shown.jpeg else None,
        "zlib-glz-wan-compression": shown.zlib.compression if shown.zlib else None,
        "playback-compression": switch(shown.playback.compression) if shown.playback else None,
        "streaming-video": shown.streaming.mode if shown.streaming else None,
        **_agent(shown),
    }
    if shown.gl is not None and shown.gl.enable == "yes":
        properties |= {"gl": True, "rendernode": shown.gl.rendernode}
    return [*secret, "-spice", option("", properties)]


def _agent(shown: Graphics) -> Properties:
    """What spice-vdagent in the guest may do."""
    properties: dict[str, Value] = {}
    if shown.clipboard is not None:
        properties["disable-copy-paste"] = shown.clipboard.copypaste == "no"
    if shown.filetransfer is not None:
        properties["disable-agent-file-xfer"] = shown.filetransfer.enable == "no"
    if shown.mouse is not None:
        properties["agent-mouse"] = shown.mouse.mode == "client"
    return properties


def _password(name: str, shown: Graphics) -> tuple[list[str], str | None]:
    """The object that holds the password, and the id by which a server finds it.

    Whoever may see this host's processes may read it, as they may read the file that it is from.
    """
    if shown.passwd is None:
        return [], None
    key = f"{name}-password"
    return backend_object("secret", {"id": key, "data": shown.passwd}), key


def _socket(name: str, listener: Listener, runtime: Path) -> str:
    return str(listener.socket or runtime / f"{name}.sock")


def _is_fixed(shown: Graphics) -> bool:
    return shown.port is not None and shown.port >= 0 and shown.autoport != "yes"
