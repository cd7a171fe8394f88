"""What is known of a session, as plain values that `dataclasses.asdict` makes JSON of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

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


def common_names(caps: Iterable[int]) -> tuple[str, ...]:
    return _names(SpiceCommonCap, caps)


def channel_names(channel: int, caps: Iterable[int]) -> tuple[str, ...]:
    return _names(_CAPS.get(channel), caps)


def _names(enum: type[IntEnum] | None, caps: Iterable[int]) -> tuple[str, ...]:
    known = {int(member): member.name.lower() for member in enum} if enum is not None else {}
    return tuple(known.get(cap, f"cap {cap}") for cap in sorted(caps))
