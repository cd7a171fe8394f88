"""The beds of a run: those that were asked for, with their variants."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass, field

from charly_vm import DeployNode, Project, Target, Variant, declare_bed, targets_of
from pytest_charly.declaration import Bed


@dataclass(frozen=True)
class ChosenBed:
    """One bed, or one variant of it."""

    node: DeployNode
    target: Target

    @property
    def name(self) -> str:
        """For people: check-x, or check-x[f43]."""
        variant = self.target.instance
        return f"{self.node.name}[{variant}]" if variant else self.node.name

    @property
    def deploy(self) -> DeployNode:
        """The deploy as the variant has it."""
        return self.target.deploy or self.node

    def label(self, phase: str) -> str:
        """What stands in the brackets of an id: deployed, or f43-deployed."""
        return f"{self.target.instance}-{phase}" if self.target.instance else phase


@dataclass
class ChosenBeds:
    """All of them, in their order. Modules that declare beds of their own add to it."""

    project: Project
    patterns: Sequence[str]
    phases: Sequence[str]
    images: Sequence[Variant] = ()
    beds: list[ChosenBed] = field(default_factory=list)

    def add(self, node: DeployNode) -> None:
        """Choose a bed of the project, in all its variants."""
        targets = targets_of(self.project, node, self.images)
        self.beds += [ChosenBed(node, target) for target in targets]

    def declare(self, bed: Bed) -> None:
        """Take up a bed that a module declares, where it was asked for. Raises `SpecError`."""
        if bed.vm is None or not any(fnmatch.fnmatchcase(bed.name, one) for one in self.patterns):
            return
        if self.of(bed.name) and self.of(bed.name)[0].node.file == bed.file:
            return
        node, entity = declare_bed(
            bed.name, bed.vm, libvirt=bed.libvirt, deploy=bed.deploy, file=bed.file, line=bed.line
        )
        self.project = self.project.with_bed(node, entity)
        self.add(node)

    def of(self, name: str) -> list[ChosenBed]:
        """A bed's variants by its own name; nothing where it was not asked for."""
        return [one for one in self.beds if one.node.name == name]

    def find(self, name: str) -> ChosenBed:
        """One by its whole name."""
        return next(one for one in self.beds if one.name == name)

    @property
    def names(self) -> list[str]:
        """The whole names, in their order."""
        return [one.name for one in self.beds]
