"""`<memoryBacking>`: where the guest's memory comes from on the host."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator

from charly_vm.model.base import Model
from charly_vm.model.libvirt.numbers import CpuSet, Memory
from charly_vm.model.libvirt.switches import Switch, parse_switch


class HugePage(Model):
    """Pages of one size, for all of the guest's NUMA nodes or for some."""

    size: Memory
    """The size of a page."""
    nodeset: CpuSet | None = None
    """The guest's nodes; all where none are given."""


def _listed(written: object) -> object:
    """One page size, several, or with `true` the host's default, which is an empty list."""
    if isinstance(written, (bool, str)):
        return () if parse_switch(written) else None
    return (written,) if isinstance(written, dict) else written


class MemoryBacking(Model):
    """Where the guest's memory comes from on the host. Devices in processes of their own, virtiofsd
    among them, need it shared."""

    hugepages: Annotated[
        tuple[HugePage, ...] | None,
        BeforeValidator(
            _listed, json_schema_input_type=Switch | HugePage | tuple[HugePage, ...] | None
        ),
    ] = None
    """Take it from huge pages; `true` is the host's default size."""
    nosharepages: Switch = False
    """Keeps the host from merging equal pages of its guests."""
    locked: Switch = False
    """Keeps the host from swapping it out; a user's own machine needs an unlimited memlock."""
    source: Literal["file", "anonymous", "memfd"] | None = None
    """What kind of memory it is."""
    access: Literal["shared", "private"] | None = None
    """Whether other processes of the host see what the guest writes."""
    allocation: Literal["immediate", "ondemand"] | None = None
    """When it is taken: at the start, or as the guest touches it."""
    discard: Switch = False
    """Gives the memory back without writing it out when the guest ends."""
