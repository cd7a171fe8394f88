"""`<cpu>`: which processor the guest sees."""

from __future__ import annotations

from typing import Literal

from charly_vm.model.base import Model

CpuMode = Literal["host-passthrough", "host-model", "maximum", "custom"]


class Cpu(Model):
    """Without a mode it is host-passthrough under KVM and maximum under TCG; `resolve` decides."""

    mode: CpuMode | None = None
    model: str | None = None
    """Needs mode custom, which it implies."""
