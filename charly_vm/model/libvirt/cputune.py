"""`<cputune>`: which of the host's CPUs the machine's threads run on, and how much of them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from charly_vm.model.base import Model
from charly_vm.model.libvirt.numbers import Count, CpuSet, Index, each_once

Period = Annotated[int, Field(strict=True, ge=1000, le=1_000_000)]
"""A number of microseconds. At least 1000 and at most a million."""


def _limit(value: int) -> int:
    if value != -1 and not 1000 <= value <= 17592186044415:
        raise ValueError("a quota is at least 1000 microseconds, or -1 for none")
    return value


Quota = Annotated[int, Field(strict=True), AfterValidator(_limit)]
"""A number of microseconds of CPU time per period. At least 1000; -1 is no limit."""


class VcpuPin(Model):
    """One virtual CPU, and where it runs."""

    vcpu: Index
    """Its number, from 0."""
    cpuset: CpuSet
    """The host's CPUs."""


class EmulatorPin(Model):
    """Every thread of QEMU that is neither a vCPU nor an I/O thread."""

    cpuset: CpuSet
    """The host's CPUs."""


class IothreadPin(Model):
    """One I/O thread, and where it runs."""

    iothread: Count
    """Its number, from 1."""
    cpuset: CpuSet
    """The host's CPUs."""


class Scheduling(Model):
    """A scheduler of the host's kernel (sched(7))."""

    scheduler: Literal["batch", "idle", "fifo", "rr"]
    """Which it is."""
    priority: Annotated[int, Field(strict=True, ge=1, le=99)] | None = None
    """Of the real-time schedulers, fifo and rr, which need it."""

    @model_validator(mode="after")
    def _has_a_priority_in_real_time(self) -> Self:
        if (self.scheduler in ("fifo", "rr")) != (self.priority is not None):
            raise ValueError("priority belongs to the schedulers fifo and rr, which need it")
        return self


class VcpuScheduling(Scheduling):
    """How some virtual CPUs are scheduled."""

    vcpus: CpuSet
    """Which they are."""


class IothreadScheduling(Scheduling):
    """How some I/O threads are scheduled."""

    iothreads: CpuSet
    """Which they are."""


class CpuTune(Model):
    """Which of the host's CPUs the machine's threads run on, and how much of them. Shares, periods
    and quotas are the control group's, which a session daemon has not got."""

    shares: Annotated[int, Field(strict=True, ge=2, le=262144)] | None = None
    """The weight beside other machines'; the kernel's limits."""
    period: Period | None = None
    """The time in which each virtual CPU has its quota."""
    quota: Quota | None = None
    """What one virtual CPU may use."""
    global_period: Period | None = None
    """The same of the machine as a whole."""
    global_quota: Quota | None = None
    """What the machine as a whole may use."""
    emulator_period: Period | None = None
    """The same of QEMU's other threads."""
    emulator_quota: Quota | None = None
    """What QEMU's other threads may use."""
    iothread_period: Period | None = None
    """The same of I/O threads."""
    iothread_quota: Quota | None = None
    """What one I/O thread may use."""
    vcpupin: tuple[VcpuPin, ...] = ()
    """Where virtual CPUs run."""
    emulatorpin: EmulatorPin | None = None
    """Where QEMU's other threads run."""
    iothreadpin: tuple[IothreadPin, ...] = ()
    """Where I/O threads run."""
    vcpusched: tuple[VcpuScheduling, ...] = ()
    """How virtual CPUs are scheduled."""
    iothreadsched: tuple[IothreadScheduling, ...] = ()
    """How I/O threads are scheduled."""
    emulatorsched: Scheduling | None = None
    """How QEMU's other threads are scheduled."""

    @field_validator("vcpupin")
    @classmethod
    def _pins_each_vcpu_once(cls, value: tuple[VcpuPin, ...]) -> tuple[VcpuPin, ...]:
        return each_once(value, [one.vcpu for one in value], "vcpupin for vCPU")

    @field_validator("iothreadpin")
    @classmethod
    def _pins_each_iothread_once(cls, value: tuple[IothreadPin, ...]) -> tuple[IothreadPin, ...]:
        return each_once(value, [one.iothread for one in value], "iothreadpin for I/O thread")
