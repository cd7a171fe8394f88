"""One thing that the qemu backend refuses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sample_machine import sample_machine

from charly_vm.model.resolved import ResolvedMachine


@dataclass(frozen=True, slots=True)
class Refused:
    """`names` are the fields that the sentences begin with, one sentence each."""

    block: dict[str, Any]
    names: tuple[str, ...]
    changes: dict[str, Any] = field(default_factory=dict)

    @property
    def machine(self) -> ResolvedMachine:
        return sample_machine(libvirt=self.block, **self.changes)


def block(written: dict[str, Any], *names: str, **changes: Any) -> Refused:
    return Refused(written, names, changes)


def devices(written: dict[str, Any], *names: str, **changes: Any) -> Refused:
    return Refused({"devices": written}, names, changes)
