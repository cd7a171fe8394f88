"""`ssh:` of a VM entity: how the guest is reached."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from charly_vm.model.base import Model


class Ssh(Model):
    """How to reach the guest over SSH, forwarded from 127.0.0.1."""

    user: str | None = Field(default=None, pattern=r"^[a-z_][a-z0-9_-]{0,31}$")
    """The account; `base_user` of the source where it is not given, else `charly`."""
    port: int | None = Field(default=None, ge=1, le=65535)
    """The port on the host; 2222 where neither this nor `port_auto` is given."""
    port_auto: bool = False
    """Take a free port."""
    key_source: Literal["generate"] = "generate"
    """A key pair of the machine's own."""

    @model_validator(mode="after")
    def _has_one_way_to_a_port(self) -> Self:
        if self.port is not None and self.port_auto:
            raise ValueError("port and port_auto exclude each other")
        return self
