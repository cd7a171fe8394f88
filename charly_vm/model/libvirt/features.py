"""`<features>`: what the machine itself offers to its guest.

A switch that is None is not in the domain, which leaves it to libvirt and QEMU.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from charly_vm.model.base import Model
from charly_vm.model.libvirt.switches import OnOff, Switch

RECOMMENDED_RETRIES = 8191
"""What QEMU's page on Hyper-V recommends for `hv-spinlocks`."""


def _from_bare_switch(written: object) -> object:
    """`stimer: on` for `stimer: {state: on}`."""
    return {"state": written} if isinstance(written, (bool, str)) else written


class Spinlocks(Model):
    """How often a guest tries for a spinlock before it tells the hypervisor."""

    state: OnOff = "on"
    retries: int = Field(default=RECOMMENDED_RETRIES, strict=True, ge=4095, lt=2**32)
    """The attempts; QEMU recommends 8191."""


class SyntheticTimers(Model):
    """Hyper-V's timers; `direct` is how Windows programs them without a message to the host."""

    state: OnOff = "on"
    direct: OnOff | None = None


class TlbFlush(Model):
    """`direct` and `extended` are known to libvirt 11, not to 9."""

    state: OnOff = "on"
    direct: OnOff | None = None
    extended: OnOff | None = None


class VendorId(Model):
    """The hypervisor's name in CPUID; NVIDIA's older drivers refuse to start under KVM's own."""

    state: OnOff = "on"
    value: str | None = Field(default=None, pattern=r"^[^,]{1,12}$")
    """At most 12 characters, none a comma."""

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if self.state == "on" and self.value is None:
            raise ValueError("vendor_id needs a value of at most 12 characters")
        return self


SpinlocksOrSwitch = Annotated[
    Spinlocks, BeforeValidator(_from_bare_switch, json_schema_input_type=Spinlocks | Switch)
]
SyntheticTimersOrSwitch = Annotated[
    SyntheticTimers,
    BeforeValidator(_from_bare_switch, json_schema_input_type=SyntheticTimers | Switch),
]
TlbFlushOrSwitch = Annotated[
    TlbFlush, BeforeValidator(_from_bare_switch, json_schema_input_type=TlbFlush | Switch)
]


class HyperV(Model):
    """The interfaces that Windows makes use of where it finds them."""

    mode: Literal["custom", "passthrough"] | None = None
    """`passthrough` takes everything from the host, and nothing else is written."""
    relaxed: OnOff | None = None
    """Windows' watchdogs are patient."""
    vapic: OnOff | None = None
    """A virtual interrupt controller."""
    spinlocks: SpinlocksOrSwitch | None = None
    """How often a guest tries for a spinlock before it tells the hypervisor."""
    vpindex: OnOff | None = None
    """The guest can read the number of its CPU."""
    runtime: OnOff | None = None
    """The guest can read how long its CPU ran."""
    synic: OnOff | None = None
    """Synthetic interrupts."""
    stimer: SyntheticTimersOrSwitch | None = None
    """Synthetic timers."""
    reset: OnOff | None = None
    """The guest can reset itself by the hypervisor."""
    vendor_id: VendorId | None = None
    frequencies: OnOff | None = None
    """The guest can read the frequencies of its clocks."""
    reenlightenment: OnOff | None = None
    """The guest is told when its clock's frequency changes."""
    tlbflush: TlbFlushOrSwitch | None = None
    """The guest flushes other CPUs' address caches by the hypervisor."""
    ipi: OnOff | None = None
    """The guest interrupts its other CPUs by the hypervisor."""
    evmcs: OnOff | None = None
    """A faster way to nested guests, on Intel alone."""
    avic: OnOff | None = None
    """Interrupts that the host's controller delivers."""

    @model_validator(mode="after")
    def _passes_through_alone(self) -> Self:
        others = [value for name, value in self if name != "mode" and value is not None]
        if self.mode == "passthrough" and others:
            raise ValueError("mode passthrough takes everything from the host; leave out the rest")
        return self


class Kvm(Model):
    """What KVM shows of itself."""

    hidden: OnOff | None = None
    """Whether the guest cannot see that it runs under KVM."""
    hint_dedicated: OnOff | None = None
    """Tell the guest that its CPUs are its own."""
    poll_control: OnOff | None = None
    """Let the guest poll in place of the host while it waits."""
    pv_ipi: OnOff | None = None
    """The guest interrupts its other CPUs by the hypervisor."""
    dirty_ring_size: int | None = Field(default=None, strict=True, ge=1024, le=65536)
    """Entries of the ring that notes written pages, per CPU; a power of two."""

    @field_validator("dirty_ring_size")
    @classmethod
    def _is_a_power_of_two(cls, value: int | None) -> int | None:
        if value is not None and value & (value - 1):
            raise ValueError("dirty_ring_size is a power of two between 1024 and 65536")
        return value


class Features(Model):
    """What the machine itself offers to its guest. A switch that is not written is left to libvirt
    and QEMU; ACPI is on, since without it there is no power button to press."""

    acpi: Switch = True
    """Power management, and the power button."""
    apic: Switch = True
    """The interrupt controller of x86; elsewhere it is not rendered."""
    pae: Switch = False
    """Physical addresses beyond 32 bits."""
    smm: OnOff | None = None
    """System management mode; on of itself where the firmware guards its variables with it."""
    hap: OnOff | None = None
    """Hardware-assisted paging."""
    vmport: OnOff | None = None
    """The port by which VMware's tools talk to their hypervisor."""
    pmu: OnOff | None = None
    """The performance monitoring unit."""
    ibs: Literal["broken", "workaround", "fixed-ibs", "fixed-ccd", "fixed-na"] | None = None
    """Indirect branch speculation, on POWER alone."""
    hyperv: HyperV | None = None
    kvm: Kvm | None = None
