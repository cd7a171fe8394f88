"""A project: one `charly.yml` with what it imports, and all that they declare."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from charly_vm.errors import Problem, SpecError
from charly_vm.model.assembly import Assembly
from charly_vm.model.candy import CandyNode, ImageNode
from charly_vm.model.deploy import DeployNode, ServiceNode
from charly_vm.model.discovery import FILE_NAME, find_project_file, is_file
from charly_vm.model.entity import EntityNode, VmEntity
from charly_vm.model.group import GroupNode
from charly_vm.model.host_file import host_file
from charly_vm.model.image_reference import with_builder_references
from charly_vm.model.imports import Gatherer, Unfetched
from charly_vm.model.libvirt import LibvirtDomain
from charly_vm.model.names import KIND, domain_named, plain_name
from charly_vm.model.nodes import Node
from charly_vm.model.precedence import hide
from charly_vm.model.readers.document import read_nodes
from charly_vm.model.resource import ResourceNode
from charly_vm.model.shipped import shipped_document
from charly_vm.model.spelling import find_nearest

__all__ = ["FILE_NAME", "Project", "Target", "find_project_file", "load_project"]


@dataclass(frozen=True, slots=True)
class Target:
    """What a name on the command line means: an entity, and the deploy that puts it to use."""

    name: str
    instance: str
    node: EntityNode
    deploy: DeployNode | None

    @property
    def entity_name(self) -> str:
        return self.node.name

    @property
    def entity(self) -> VmEntity:
        return self.node.vm

    @property
    def libvirt(self) -> LibvirtDomain:
        return self.node.libvirt

    @property
    def domain(self) -> str:
        return domain_named(self.name, self.instance)

    @property
    def disposable(self) -> bool:
        """Whether the project allows an unattended destroy; `instance.yml` may still forbid it."""
        return self.deploy is not None and self.deploy.disposable


@dataclass(frozen=True)
class Project:
    """Everything that one file declares, with what it imports, discovers and is given."""

    file: Path
    entities: Mapping[str, EntityNode]
    deploys: Mapping[str, DeployNode]
    candies: Mapping[str, CandyNode] = field(default_factory=dict)
    images: Mapping[str, ImageNode] = field(default_factory=dict)
    resources: Mapping[str, ResourceNode] = field(default_factory=dict)
    groups: Mapping[str, GroupNode] = field(default_factory=dict)
    services: Mapping[str, ServiceNode] = field(default_factory=dict)
    """Deploys of other kinds than vm that say how they give way."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Of the project's own file."""
    nodes: tuple[Node, ...] = ()
    """Every node, also those that are kept and do not run here."""
    unfetched: tuple[Unfetched, ...] = ()
    """Imports of which nothing is here."""
    warnings: tuple[Problem, ...] = ()

    @property
    def beds(self) -> list[DeployNode]:
        """The deploys that may be destroyed and rebuilt unattended, in the file's order."""
        return [node for node in self.deploys.values() if node.disposable and node.entity]

    def with_bed(self, node: DeployNode, entity: EntityNode) -> Project:
        """This project and a bed that is declared elsewhere. Raises `SpecError` where it has a node
        of one of the two names."""
        for name in (node.name, entity.name):
            if name in self.deploys or name in self.entities:
                text = f"{name} stands in {self.file} already"
                raise SpecError([Problem(node.file, node.line, 1, text)])
        return replace(
            self,
            entities={**self.entities, entity.name: entity},
            deploys={**self.deploys, node.name: node},
        )

    def target(self, name: str, instance: str = "") -> Target:
        """A deploy of that name, else an entity; `vm:x` and `charly-x` mean x.

        A node inside another may also be named by its path, `outer.inner`. Raises `SpecError` that
        names the nearest known name, or says why what it names does not run here.
        """
        plain = self._plain(name)
        domain_named(plain, instance)
        if node := self._find_deploy(plain):
            if not node.entity:
                raise self._refusal(node.name)
            return Target(node.name, instance, self.entities[node.entity], node)
        if plain in self.entities:
            return Target(plain, instance, self.entities[plain], None)
        raise self._refusal(plain)

    def _plain(self, typed: str) -> str:
        """The name that was typed; one that begins with `charly-` may be the whole name."""
        name = typed.removeprefix(KIND)
        if name in self.deploys or name in self.entities:
            return name
        return plain_name(typed)

    def _find_deploy(self, name: str) -> DeployNode | None:
        if name in self.deploys:
            return self.deploys[name]
        around, _, last = name.rpartition(".")
        node = self.deploys.get(last)
        return node if node and around and self._is_inside(node, around) else None

    def _is_inside(self, node: DeployNode, around: str) -> bool:
        """Whether a path of names, ending in a dot or not, leads to the node's parent."""
        parents = {one.name: one.parent for one in self.nodes if one.runs}
        path: list[str] = []
        parent = node.parent
        while parent:
            path.insert(0, parent)
            parent = parents.get(parent, "")
        return ".".join(path) == around

    def _refusal(self, name: str) -> SpecError:
        for node in self.nodes:
            if node.name == name and node.skipped:
                text = f"{name} is kept and not run: {node.skipped}"
                return SpecError([Problem(node.file, node.line, 1, text)])
        known = [*self.deploys, *self.entities]
        close = find_nearest(name, known)
        hint = f"did you mean {close}?" if close else f"known are {', '.join(known) or 'none'}"
        return SpecError([Problem(str(self.file), 0, 0, f"has no VM called {name!r}")], hint=hint)


def load_project(file: Path, *, host: Path | None = None) -> Project:
    """Read and validate a project. Raises `SpecError` with all that is wrong in all its files.

    `host` is the per-host file, the user's own where it is not given; it need not exist.
    """
    with collection_paused():
        return _load(file, host or host_file())


@contextmanager
def collection_paused() -> Iterator[None]:
    """Make no search for garbage: all that loading makes is kept, and a search takes as long."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _load(file: Path, host: Path) -> Project:
    gatherer = Gatherer()
    gatherer.gather(file)
    if is_file(host) and host != file:
        gatherer.gather(host, is_host=True)
    gatherer.add_shipped(shipped_document())
    declared = {
        id(source): read_nodes(source.findings, source.namespace, of_host=source.is_host)
        for source in gatherer.by_precedence
    }
    hide((source, declared[id(source)]) for source in gatherer.by_precedence)
    assembly = Assembly(gatherer.unfetched)
    assembly.assemble([one for source in gatherer.in_order for one in declared[id(source)]])
    findings = [source.findings for source in gatherer.in_order]
    problems = [*gatherer.problems, *(one for each in findings for one in each.problems)]
    if problems:
        raise SpecError(_in_order(problems, gatherer.files))
    defaults = _defaults(gatherer, file)
    return Project(
        file,
        with_builder_references(assembly.entities, assembly.images, defaults),
        assembly.deploys,
        candies=assembly.candies,
        images=assembly.images,
        resources=assembly.resources,
        groups=assembly.groups,
        services=assembly.services,
        defaults=defaults,
        nodes=tuple(assembly.nodes),
        unfetched=tuple(gatherer.unfetched),
        warnings=_in_order([one for each in findings for one in each.warnings], gatherer.files),
    )


def _in_order(problems: Iterable[Problem], files: Sequence[str]) -> tuple[Problem, ...]:
    """Each once (a file may be read in two namespaces), file by file, from top to bottom."""
    order = {file: number for number, file in enumerate(files)}
    return tuple(
        sorted(
            dict.fromkeys(problems),
            key=lambda one: (order.get(one.file, len(order)), one.line, one.column),
        )
    )


def _defaults(gatherer: Gatherer, file: Path) -> Mapping[str, Any]:
    for source in gatherer.in_order:
        if source.path == file:
            return source.directives.defaults
    return {}
