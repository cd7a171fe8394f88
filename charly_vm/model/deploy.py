"""A deploy: a VM entity put to use, with what may be done to it and the checks it has to pass."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from charly_vm.model.base import Model
from charly_vm.model.quantities import Duration, Size, parse_duration
from charly_vm.model.step import Step


class Deploy(Model):
    """What stands under `vm:` in a node that names its entity with `from`."""

    entity: str = Field(alias="from")
    disposable: bool = False
    """Authorises destroying and rebuilding the machine with nobody watching."""
    description: str = ""
    ram: Size | None = None
    cpus: int | None = None
    disk_size: Size | None = None
    timeout: Duration = parse_duration("10m")
    """How long a machine may take from power-on until it is ready."""


@dataclass(frozen=True, slots=True)
class DeployNode:
    """A deploy with its name and its steps, in the file's order."""

    name: str
    deploy: Deploy
    steps: tuple[Step, ...]
    file: str
    line: int
