"""What is known of a session, as plain values that `dataclasses.asdict` makes JSON of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from charly_vm.probe.spice.channel import Channel
from charly_vm.probe.spice.display_channel import DisplayChannel
from charly_vm.probe.spice.handshake import channel_name
from charly_vm.probe.spice.main_channel import MainChannel
from charly_vm.probe.spice.protocol.devices import SpiceMouseMode
from charly_vm.probe.spice.protocol.linking import (
    SpiceChannel,
    SpiceCommonCap,
    SpiceDisplayCap,
    SpiceInputsCap,
    SpiceMainCap,
)

_CAPS: dict[int, type[IntEnum]] = {
    SpiceChannel.MAIN: SpiceMainCap,
    SpiceChannel.DISPLAY: SpiceDisplayCap,
    SpiceChannel.INPUTS: SpiceInputsCap,
}


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """A channel that the server offers; `capabilities` and `secured` are known of open ones."""

    type: str
    id: int
    open: bool
    secured: bool | None = None
    capabilities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MonitorStatus:
    """A monitor of a display: what part of a surface it shows, in pixels."""

    display: int
    id: int
    surface: int
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class SpiceStatus:
    """A session. `name` and `uuid` are the machine's, where the server tells them.

    `mouse_mode` is "client" where positions are absolute, and "server" where the guest moves its
    cursor itself. `auth` is "ticket" where a password was given and taken, and "none" otherwise.
    `notes` are sentences about what the server said or sent that was left out.
    """

    address: str
    version: str
    session_id: int
    channels: tuple[ChannelStatus, ...]
    monitors: tuple[MonitorStatus, ...]
    mouse_mode: str
    mouse_modes: tuple[str, ...]
    agent: bool
    auth: str
    secured: bool
    mini_header: bool
    capabilities: tuple[str, ...]
    name: str
    uuid: str
    ram_hint: int
    multi_media_time: int
    notes: tuple[str, ...]


def read_status(
    address: str, auth: str, main: MainChannel, opened: Iterable[Channel]
) -> SpiceStatus:
    """What the open channels say, at a moment at which nobody changes them."""
    by_id = {(one.link.channel, one.link.channel_id): one for one in opened}
    offered = sorted({*(main.channels or []), (SpiceChannel.MAIN, 0)})
    displays = [one for one in by_id.values() if isinstance(one, DisplayChannel)]
    modes = [mode for mode in SpiceMouseMode if mode in main.mouse_modes]
    return SpiceStatus(
        address=address,
        version=".".join(map(str, main.link.version)),
        session_id=main.session_id or 0,
        channels=tuple(_channel_status(*one, by_id.get(one)) for one in offered),
        monitors=tuple(monitor for one in displays for monitor in _monitors(one)),
        mouse_mode=_mode_name(main.mouse_mode),
        mouse_modes=tuple(map(_mode_name, modes)),
        agent=main.agent,
        auth=auth,
        secured=main.link.secured,
        mini_header=main.link.mini_header,
        capabilities=_names(SpiceCommonCap, main.link.common_caps),
        name=main.server_name,
        uuid=main.server_uuid,
        ram_hint=main.ram_hint,
        multi_media_time=main.multi_media_time,
        notes=tuple(note for one in by_id.values() for note in one.notes),
    )


def _channel_status(kind: int, number: int, channel: Channel | None) -> ChannelStatus:
    name = channel_name(kind)
    if channel is None:
        return ChannelStatus(name, number, open=False)
    caps = _names(_CAPS.get(kind), channel.link.channel_caps)
    return ChannelStatus(name, number, True, channel.link.secured, caps)


def _monitors(display: DisplayChannel) -> list[MonitorStatus]:
    number = display.link.channel_id
    return [
        MonitorStatus(number, head.number, head.surface, head.x, head.y, head.width, head.height)
        for head in display.heads
    ]


def _mode_name(mode: SpiceMouseMode) -> str:
    return (mode.name or "unknown").lower()


def _names(enum: type[IntEnum] | None, caps: Iterable[int]) -> tuple[str, ...]:
    known = {int(member): member.name.lower() for member in enum} if enum is not None else {}
    return tuple(known.get(cap, f"cap {cap}") for cap in sorted(caps))
