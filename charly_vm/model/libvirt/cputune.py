"""`<cputune>`: which of the host's CPUs the machine's threads run on, and how much of them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from charly_vm.model.base import Model
from charly_vm.model.libvirt.numbers import Count, CpuSet, Index, each_once

Period = Annotated[int, Field(strict=True, ge=1000, le=1_000_000)]
"""Microseconds."""


def _limit(value: int) -> int:
    if value != -1 and not 1000 <= value <= 17592186044415:
        raise ValueError("a quota is at least 1000 microseconds, or -1 for none")
    return value


Quota = Annotated[int, Field(strict=True), AfterValidator(_limit)]
"""Microseconds of CPU time per period; -1 is no limit."""


class VcpuPin(Model):
    vcpu: Index
    cpuset: CpuSet


class EmulatorPin(Model):
    """Every thread of QEMU that is neither a vCPU nor an I/O thread."""

    cpuset: CpuSet


class IothreadPin(Model):
    iothread: Count
    """Counted from 1."""
    cpuset: CpuSet


class Scheduling(Model):
    scheduler: Literal["batch", "idle", "fifo", "rr"]
    priority: Annotated[int, Field(strict=True, ge=1, le=99)] | None = None
    """Of the real-time schedulers, fifo and rr."""

    @model_validator(mode="after")
    def _has_a_priority_in_real_time(self) -> Self:
        if (self.scheduler in ("fifo", "rr")) != (self.priority is not None):
            raise ValueError("priority belongs to the schedulers fifo and rr, which need it")
        return self


class VcpuScheduling(Scheduling):
    vcpus: CpuSet


class IothreadScheduling(Scheduling):
    iothreads: CpuSet


class CpuTune(Model):
    """Shares, periods and quotas are the control group's, which a session daemon has not got."""

    shares: Annotated[int, Field(strict=True, ge=2, le=262144)] | None = None
    """The weight beside other machines'; the kernel's limits."""
    period: Period | None = None
    quota: Quota | None = None
    """Of one vCPU."""
    global_period: Period | None = None
    global_quota: Quota | None = None
    emulator_period: Period | None = None
    emulator_quota: Quota | None = None
    iothread_period: Period | None = None
    iothread_quota: Quota | None = None
    vcpupin: tuple[VcpuPin, ...] = ()
    emulatorpin: EmulatorPin | None = None
    iothreadpin: tuple[IothreadPin, ...] = ()
    vcpusched: tuple[VcpuScheduling, ...] = ()
    iothreadsched: tuple[IothreadScheduling, ...] = ()
    emulatorsched: Scheduling | None = None

    @field_validator("vcpupin")
    @classmethod
    def _pins_each_vcpu_once(cls, value: tuple[VcpuPin, ...]) -> tuple[VcpuPin, ...]:
        return each_once(value, [one.vcpu for one in value], "vcpupin for vCPU")

    @field_validator("iothreadpin")
    @classmethod
    def _pins_each_iothread_once(cls, value: tuple[IothreadPin, ...]) -> tuple[IothreadPin, ...]:
        return each_once(value, [one.iothread for one in value], "iothreadpin for I/O thread")
