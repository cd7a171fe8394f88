"""`-chardev`: the host's end of serial ports, consoles, channels and what else carries characters.

qemu-system-x86_64(1) describes the kinds under "Character device options".
"""

from __future__ import annotations

from pathlib import Path

from charly_vm.model.libvirt.devices.character import CharacterDevice, CharacterSource
from charly_vm.model.resolved import Paths
from charly_vm.render.qemu.option import Properties, Value, option, switch

KINDS = {"unix": "socket", "tcp": "socket", "dev": "serial"}
"""QEMU's kinds where it does not use libvirt's names."""


def render_character(
    name: str,
    written: CharacterDevice,
    paths: Paths,
    *,
    source: CharacterSource | None = None,
    spice: str = "vdagent",
) -> list[str]:
    """The `-chardev` with this id.

    `source` is used where it is given. `spice` is which of SPICE's channels a spicevmc is.
    """
    own_path = paths.runtime / f"{name}.sock"
    properties: dict[str, Value] = {
        "id": name,
        **render_source(written.type, source or written.source, default=own_path),
    }
    if written.type in ("spicevmc", "qemu-vdagent"):
        properties["name"] = spice
    if written.protocol == "telnet":
        properties["telnet"] = True
    if written.log is not None:
        properties["logfile"] = written.log.file
        properties["logappend"] = switch(written.log.append)
    return ["-chardev", option(_kind(name, written.type), properties)]


def render_source(
    kind: str, source: CharacterSource | None, *, default: str | Path | None = None
) -> Properties:
    """Where the host's end is. `default` is the path of a UNIX socket that has none."""
    source = source or CharacterSource()
    match kind:
        case "unix":
            return {"path": source.path or default, **_direction(source)}
        case "tcp":
            return {"host": source.host, "port": source.service, **_direction(source)}
        case "udp":
            bound = source.bind
            return {
                "host": source.host,
                "port": source.service,
                "localaddr": bound.host if bound else None,
                "localport": bound.service if bound else None,
            }
        case "spiceport":
            return {"name": source.channel}
        case "qemu-vdagent":
            mouse = source.mouse
            return {
                "clipboard": switch(source.clipboard.copypaste) if source.clipboard else None,
                "mouse": mouse.mode == "client" if mouse else None,
            }
    return {"path": source.path, "append": switch(source.append)}


def listening_socket(name: str, path: Path, properties: Properties | None = None) -> list[str]:
    """A UNIX socket of charly's own. Whoever connects later finds it, and nobody is waited for."""
    own: dict[str, Value] = {"id": name, "path": path, "server": True, "wait": False}
    return ["-chardev", option("socket", own | dict(properties or {}))]


def _direction(source: CharacterSource) -> Properties:
    if source.mode != "connect":
        return {"server": True, "wait": False}
    again = source.reconnect
    seconds = again.timeout if again and again.enabled == "yes" else None
    return {"server": False, "reconnect": seconds}


def _kind(name: str, kind: str) -> str:
    # A parallel port's device speaks another protocol towards the kernel.
    if kind == "dev" and name.startswith("parallel"):
        return "parallel"
    return KINDS.get(kind, kind)
