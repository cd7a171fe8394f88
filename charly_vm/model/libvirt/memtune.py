"""`<memtune>`: how much of the host's memory the machine may take."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from charly_vm.model.base import Model
from charly_vm.model.libvirt.numbers import Memory


class MemTune(Model):
    """Limits of the control group, which a session daemon has not got.

    libvirt's `min_guarantee` is not here: it refuses it for QEMU.
    """

    hard_limit: Memory | None = None
    soft_limit: Memory | None = None
    swap_hard_limit: Memory | None = None
    """Of memory and swap together."""

    @model_validator(mode="after")
    def _counts_memory_in(self) -> Self:
        if self.hard_limit and self.swap_hard_limit and self.swap_hard_limit < self.hard_limit:
            raise ValueError("swap_hard_limit is of memory and swap together, at least hard_limit")
        return self
