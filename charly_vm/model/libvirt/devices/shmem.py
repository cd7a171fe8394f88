"""`<shmem>`: memory shared between guests, or with a program of the host's."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, field_validator

from charly_vm.model.base import Model
from charly_vm.model.libvirt.devices.notation import Short, Typed
from charly_vm.model.libvirt.devices.values import AbsolutePath
from charly_vm.model.libvirt.numbers import Count, Memory
from charly_vm.model.libvirt.switches import OnOff

MEBIBYTE = 1024**2


class ShmemServer(Short):
    """The socket of an ivshmem-server; without a path libvirt's own place for it."""

    short_for: ClassVar[str] = "path"
    path: AbsolutePath | None = None


class ShmemInterrupts(Model):
    """How interrupts come."""

    vectors: Count | None = None
    """How many there are."""
    ioeventfd: OnOff | None = None
    """Whether they are handled outside of the CPU's thread."""


class Shmem(Typed):
    """ivshmem-plain is memory alone; ivshmem-doorbell has interrupts too, and needs a server."""

    typed_by: ClassVar[str] = "model"
    only: ClassVar = {
        "server": ("ivshmem-doorbell",),
        "msi": ("ivshmem-doorbell",),
        "size": ("ivshmem-plain",),
    }
    needs: ClassVar = {"ivshmem-doorbell": ("server",)}
    name: str = Field(pattern=r"^[^/]+$")
    """What the others know it by."""
    model: Literal["ivshmem-plain", "ivshmem-doorbell"] = "ivshmem-plain"
    """Which it is."""
    role: Literal["master", "peer"] | None = None
    """Whether it goes along when the machine moves: master, or not: peer."""
    size: Memory | None = None
    """A power of two from 1M on; 4M without one."""
    server: ShmemServer | None = None
    msi: ShmemInterrupts | None = None
    """How interrupts come."""

    @field_validator("size")
    @classmethod
    def _is_a_power_of_two(cls, value: int | None) -> int | None:
        if value is not None and (value < MEBIBYTE or value & (value - 1)):
            raise ValueError("a size is a power of two from 1M on")
        return value
