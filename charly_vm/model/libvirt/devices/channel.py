"""`<channel>`: private lines between programs in the guest and the host."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import model_validator

from charly_vm.model.base import Model
from charly_vm.model.libvirt.devices.character import (
    BY_TYPE,
    NEEDS,
    CharacterDevice,
    CharacterSource,
    CharacterType,
)
from charly_vm.model.libvirt.devices.values import AbsolutePath, Port

GUEST_AGENT = "org.qemu.guest_agent.0"
"""The guest agent's channel; every machine has one."""

SPICE_AGENT = "com.redhat.spice.0"
"""The channel of spice-vdagent: clipboard, pointer, resolution."""


class GuestForward(Model):
    """A TCP address in the guest's user network that leads to the host's end."""

    type: Literal["guestfwd"] = "guestfwd"
    """The only one there is."""
    address: str
    """The address."""
    port: Port
    """The port."""


class Channel(CharacterDevice):
    """A port of virtio-serial, `/dev/virtio-ports/<name>` in the guest; or a `guestfwd`."""

    only: ClassVar = {**BY_TYPE, "path": BY_TYPE["source.path"]}
    needs: ClassVar = {**NEEDS, **dict.fromkeys(BY_TYPE["source.path"], ())}
    type: CharacterType = "unix"
    """What the host has at its end."""
    name: str | None = None
    """What the port is called in the guest."""
    path: AbsolutePath | None = None
    """Short for `source: {path: …}`. A socket may have a path of the backend's own."""
    target: GuestForward | None = None

    @property
    def host_end(self) -> CharacterSource | None:
        return CharacterSource(path=self.path) if self.path else self.source

    def _path(self) -> str | None:
        return self.host_end.path if self.host_end else None

    @model_validator(mode="after")
    def _says_each_thing_once(self) -> Self:
        if (self.name is None) == (self.target is None):
            raise ValueError("needs a name; or, for a forwarded address, a target")
        if self.path and self.source:
            raise ValueError("path is short for source; write one of them")
        has_place = self.type == "unix" and self.target is None
        if self.type in BY_TYPE["source.path"] and not has_place and not self._path():
            raise ValueError(f"type {self.type} needs a path")
        return self
