"""`network:` of a VM entity: how the guest is connected."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator

from charly_vm.model.base import Model
from charly_vm.model.forwards import AUTO, PortForward, parse_port_forward

_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")


def parse_mac(written: object) -> str:
    """A unicast address of six bytes, in lower case."""
    text = written.lower().replace("-", ":") if isinstance(written, str) else ""
    if not _MAC.fullmatch(text):
        raise ValueError(f"{written!r} is not a MAC address; write one as 52:54:00:12:34:56")
    if int(text[:2], 16) & 1:
        raise ValueError(f"{written} is a multicast address, which no card can have")
    return text


PortForwardField = Annotated[PortForward, BeforeValidator(parse_port_forward)]
MacAddress = Annotated[str, BeforeValidator(parse_mac)]


class Network(Model):
    """One card on the user network, which needs no rights: the guest is reached through forwarded
    ports alone."""

    mode: Literal["user"] = "user"
    model: str = Field(default="virtio", pattern=r"^[a-z0-9][a-z0-9._-]*$")
    mac: MacAddress | None = None
    """Pinned; else one that stays the same for the life of the machine."""
    port_forwards: tuple[PortForwardField, ...] = ()

    @field_validator("port_forwards")
    @classmethod
    def _takes_each_host_port_once(cls, value: tuple[PortForward, ...]) -> tuple[PortForward, ...]:
        taken = [(one.host, one.protocol) for one in value if one.host != AUTO]
        for host, protocol in taken:
            if taken.count((host, protocol)) > 1:
                raise ValueError(f"the host's port {host} is forwarded twice")
        return value
