"""`<cpu>`: which processor the guest sees."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from charly_vm.model.base import Model
from charly_vm.model.libvirt.numbers import (
    UNITS,
    Count,
    CpuSet,
    Index,
    Memory,
    MemoryUnit,
    each_once,
)
from charly_vm.model.libvirt.switches import OnOff

CpuMode = Literal["host-passthrough", "host-model", "maximum", "custom"]
CpuName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]+$")]
"""A name of letters, digits and `._-`. QEMU's argument would be cut at a comma."""


class Topology(Model):
    """How the CPUs are arranged. The product is their number, which the entity's `cpu` says."""

    sockets: Count = 1
    dies: Count = 1
    cores: Count = 1
    threads: Count = 1

    @property
    def product(self) -> int:
        return self.sockets * self.dies * self.cores * self.threads


class CpuFeature(Model):
    """One feature of the CPU, which is there or not."""

    name: CpuName
    """As libvirt calls it, such as vmx."""
    policy: Literal["force", "require", "optional", "disable", "forbid"] = "require"
    """Whether the guest has it, and what happens where the host has not."""


class CpuCache(Model):
    """What the guest is told about caches. QEMU emulates level 3, the only one to be named."""

    mode: Literal["emulate", "passthrough", "disable"]
    """Whose caches the guest sees."""
    level: Literal[1, 2, 3] | None = None
    """Which cache is emulated."""

    @model_validator(mode="after")
    def _has_a_level_that_qemu_takes(self) -> Self:
        if self.mode == "emulate" and self.level not in (None, 3):
            raise ValueError("mode emulate knows level 3 alone")
        if self.mode != "emulate" and self.level is not None:
            raise ValueError(f"level has no meaning in mode {self.mode}")
        return self


class NumaCell(Model):
    """One node of the guest. Without an id it has its place in the list, counted from 0."""

    id: Index | None = None
    """Its number; on all nodes or on none."""
    cpus: CpuSet | None = None
    """The guest's CPUs in it; without them it has memory alone."""
    unit: MemoryUnit = "KiB"
    """What a bare number in `memory` counts."""
    memory: Memory
    """How much of the guest's memory it has; a bare number counts in `unit`."""
    memaccess: Literal["shared", "private"] | None = None
    """Whether other processes of the host may read it."""

    @field_validator("memory", mode="before")
    @classmethod
    def _count_in_unit(cls, written: object, info: ValidationInfo) -> object:
        if isinstance(written, int) and not isinstance(written, bool) and "unit" in info.data:
            return f"{written * UNITS[info.data['unit']]}B"
        return written


class Cpu(Model):
    """Which processor the guest sees. Without a mode it is host-passthrough under KVM and maximum
    under TCG, there on x86_64 without erms and fsrm, which make an emulated guest slower."""

    mode: CpuMode | None = None
    """How the processor is chosen."""
    model: CpuName | None = None
    """A named model, such as Nehalem. It needs mode custom, which it implies."""
    check: Literal["none", "partial", "full"] | None = None
    """How far libvirt compares with what QEMU offers; `none` for a named model where nothing is
    written."""
    migratable: OnOff | None = None
    """Leave out features that no other host could take over."""
    topology: Topology | None = None
    """Sockets, dies, cores and threads."""
    features: tuple[CpuFeature, ...] = ()
    """Single features, each once."""
    cache: CpuCache | None = None
    numa: tuple[NumaCell, ...] = ()
    """The guest's NUMA nodes."""

    @field_validator("features")
    @classmethod
    def _says_each_feature_once(cls, value: tuple[CpuFeature, ...]) -> tuple[CpuFeature, ...]:
        return each_once(value, [one.name for one in value], "feature")

    @field_validator("numa")
    @classmethod
    def _numbers_its_nodes(cls, value: tuple[NumaCell, ...]) -> tuple[NumaCell, ...]:
        """libvirt asks for ids from 0 without a gap, on all of the nodes or on none."""
        written = [one.id for one in value if one.id is not None]
        if written and sorted(written) != list(range(len(value))):
            raise ValueError("the ids of the NUMA nodes are 0, 1, 2, … on every node or on none")
        numbered = (one.model_copy(update={"id": at}) for at, one in enumerate(value))
        return value if written else tuple(numbered)

    @model_validator(mode="after")
    def _fits_its_mode(self) -> Self:
        if self.mode == "custom" and self.model is None:
            raise ValueError("mode custom needs a model, such as `model: Nehalem`")
        if self.model is not None and self.mode not in (None, "custom"):
            raise ValueError(f"a model needs mode custom, not {self.mode}")
        whole_host = self.mode in ("host-passthrough", "maximum") or (
            self.mode is None and self.model is None
        )
        if self.migratable is not None and not whole_host:
            raise ValueError("migratable needs mode host-passthrough or maximum")
        if self.cache is not None and self.cache.mode == "passthrough" and not whole_host:
            raise ValueError("a cache of mode passthrough needs mode host-passthrough or maximum")
        return self
