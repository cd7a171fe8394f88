"""`<numatune>`: from which of the host's NUMA nodes the guest's memory comes."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import field_validator, model_validator

from charly_vm.model.base import Model
from charly_vm.model.libvirt.numbers import CpuSet, Index, each_once

NumaMode = Literal["strict", "preferred", "interleave", "restrictive"]


class NumaMemory(Model):
    """The host's nodes for all of the guest."""

    mode: NumaMode | None = None
    """How strictly; strict where it is not written."""
    nodeset: CpuSet | None = None
    """The host's nodes."""
    placement: Literal["static", "auto"] | None = None
    """`auto` has numad choose the nodes."""

    @model_validator(mode="after")
    def _places_in_one_way(self) -> Self:
        if self.placement == "auto" and self.nodeset is not None:
            raise ValueError("placement auto chooses the nodes itself: leave out nodeset")
        if self.placement != "auto" and self.nodeset is None:
            raise ValueError("needs a nodeset, or `placement: auto`")
        return self


class MemoryNode(Model):
    """The host's nodes for one of the guest's."""

    cellid: Index
    """The guest's node."""
    mode: NumaMode
    """How strictly."""
    nodeset: CpuSet
    """The host's nodes."""


class NumaTune(Model):
    """From which of the host's NUMA nodes the guest's memory comes."""

    memory: NumaMemory | None = None
    """All of the guest's memory."""
    memnode: tuple[MemoryNode, ...] = ()
    """The memory of single nodes of the guest."""

    @field_validator("memnode")
    @classmethod
    def _binds_each_node_once(cls, value: tuple[MemoryNode, ...]) -> tuple[MemoryNode, ...]:
        return each_once(value, [one.cellid for one in value], "memnode for node")

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.memnode and self.memory is not None and self.memory.placement == "auto":
            raise ValueError("memnode does not go with `placement: auto`")
        modes = {one.mode for one in self.memnode}
        if self.memory is not None:
            modes.add(self.memory.mode or "strict")
        if "restrictive" in modes and len(modes) > 1:
            raise ValueError("mode restrictive is for memory and every memnode or for none")
        return self
