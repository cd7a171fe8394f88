"""`<vsock>`: sockets between host and guest that need no network."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from charly_vm.model.libvirt.devices.notation import Short
from charly_vm.model.libvirt.devices.values import VirtioModel, VirtioOptions
from charly_vm.model.libvirt.switches import YesNo

ContextId = Annotated[int, Field(strict=True, ge=3, lt=2**32 - 1)]
"""A number from 3. 0 to 2 are the hypervisor's and the host's."""


class Cid(Short):
    """The guest's address: a number, or one that libvirt chooses (`auto: yes`)."""

    short_for: ClassVar[str] = "address"
    auto: YesNo | None = None
    """Have libvirt choose."""
    address: ContextId | None = None
    """The number."""

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.auto == "yes") == (self.address is not None):
            raise ValueError("cid is a number from 3 upwards, or {auto: yes}")
        return self


class Vsock(Short):
    """Sockets between host and guest that need no network."""

    short_for: ClassVar[str] = "model"
    model: VirtioModel = "virtio"
    """Which virtio it speaks."""
    cid: Cid = Field(default_factory=lambda: Cid(auto="yes"))
    """The guest's address."""
    driver: VirtioOptions | None = None
    """What every virtio device takes."""
