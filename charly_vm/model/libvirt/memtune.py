"""`<memtune>`: how much of the host's memory the machine may take."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from charly_vm.model.base import Model
from charly_vm.model.libvirt.numbers import Memory


class MemTune(Model):
    """How much of the host's memory the machine may take. These are limits of the control group,
    which a session daemon has not got; libvirt refuses `min_guarantee` for QEMU, so it is not
    here."""

    hard_limit: Memory | None = None
    """Beyond it the machine is killed."""
    soft_limit: Memory | None = None
    """What it is held to when memory is short."""
    swap_hard_limit: Memory | None = None
    """Of memory and swap together."""

    @model_validator(mode="after")
    def _counts_memory_in(self) -> Self:
        if self.hard_limit and self.swap_hard_limit and self.swap_hard_limit < self.hard_limit:
            raise ValueError("swap_hard_limit is of memory and swap together, at least hard_limit")
        return self
