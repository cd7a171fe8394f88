"""`network:` of a VM entity: how the guest is connected."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, field_validator, model_validator

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


PortForwardField = Annotated[
    PortForward,
    BeforeValidator(
        parse_port_forward,
        json_schema_input_type=Annotated[
            str, Field(pattern=r"^(auto|[0-9]+):[0-9]+(/(tcp|udp))?$")
        ],
    ),
]
"""A port forward, `8080:80`. The host's port comes first and `auto` takes a free one; `5353:53/udp`
forwards UDP."""
MacAddress = Annotated[
    str,
    BeforeValidator(
        parse_mac,
        json_schema_input_type=Annotated[
            str, Field(pattern="^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}$")
        ],
    ),
]
"""A MAC address, `52:54:00:12:34:56`."""


class Network(Model):
    """One card. `user` needs no rights and reaches the guest through forwarded ports alone."""

    model_config = ConfigDict(
        json_schema_extra={
            "if": {"required": ["mode"], "properties": {"mode": {"not": {"const": "user"}}}},
            "then": {"properties": {"port_forwards": {"maxItems": 0}}},
            "else": {"properties": {"bridge": {"type": "null"}}},
            "allOf": [
                {
                    "if": {"required": ["mode"], "properties": {"mode": {"const": "bridge"}}},
                    "then": {"required": ["bridge"]},
                }
            ],
        }
    )

    mode: Literal["user", "bridge", "nat", "network"] = "user"
    """`user`: a network of its own, into which forwarded ports lead; `bridge`: a bridge of the
    host; `nat`: libvirt's network `default`, or the one that `bridge` names; `network`: any network
    of libvirt's."""
    bridge: str | None = None
    """The host's bridge (mode bridge), or the name of libvirt's network (nat, network)."""
    model: str = Field(default="virtio", pattern=r"^[a-z0-9][a-z0-9._-]*$")
    """The card, as QEMU and libvirt call it."""
    mac: MacAddress | None = None
    """Pinned; else one that stays the same for the life of the machine."""
    port_forwards: tuple[PortForwardField, ...] = ()
    """Ports of 127.0.0.1 that lead to the guest, in mode user. `charly vm show` tells which one
    `auto` took."""

    @field_validator("port_forwards")
    @classmethod
    def _takes_each_host_port_once(cls, value: tuple[PortForward, ...]) -> tuple[PortForward, ...]:
        taken = [(one.host, one.protocol) for one in value if one.host != AUTO]
        for host, protocol in taken:
            if taken.count((host, protocol)) > 1:
                raise ValueError(f"the host's port {host} is forwarded twice")
        return value

    @model_validator(mode="after")
    def _fits_its_mode(self) -> Self:
        if self.mode == "bridge" and self.bridge is None:
            raise ValueError("mode bridge needs the name of the host's bridge: bridge: br0")
        if self.mode == "user" and self.bridge is not None:
            raise ValueError("bridge has no meaning in mode user")
        if self.mode != "user" and self.port_forwards:
            raise ValueError(
                f"port_forwards needs mode user; in mode {self.mode} the guest has "
                "an address of its own"
            )
        return self
