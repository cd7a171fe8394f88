"""`<resource>`: where among the host's control groups and fabrics the machine belongs."""

from __future__ import annotations

from pydantic import Field

from charly_vm.model.base import Model


class FibreChannel(Model):
    """How a Fibre Channel fabric knows the machine."""

    appid: str = Field(pattern=r"^[ -~]{1,128}$")
    """What the fabric's switches tell the machine's traffic by."""


class Resource(Model):
    """Where among the host's control groups and fabrics the machine belongs."""

    partition: str | None = Field(default=None, pattern=r"^/[^\s]*$")
    """Of the system daemon's control groups, as `/machine/production`."""
    fibrechannel: FibreChannel | None = None
    """How a Fibre Channel fabric knows the machine."""
