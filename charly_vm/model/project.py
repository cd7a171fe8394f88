"""A project: one `charly.yml`, its entities and its deploys."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from charly_vm.errors import Problem, SpecError
from charly_vm.model.base import Model, problems_of, unknown_key
from charly_vm.model.deploy import Deploy, DeployNode
from charly_vm.model.document import Document, KeyPath, read_document
from charly_vm.model.entity import EntityNode, VmEntity
from charly_vm.model.libvirt import LibvirtDomain
from charly_vm.model.names import NODE_NAME, PREFIX, domain_of, plain_name
from charly_vm.model.step import VERBS, Modifiers, Step, split_step

FILE_NAME = "charly.yml"
T = TypeVar("T", bound=Model)


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
        return domain_of(self.name, self.instance)

    @property
    def disposable(self) -> bool:
        return self.deploy is not None and self.deploy.deploy.disposable


@dataclass(frozen=True)
class Project:
    """Everything that one file declares."""

    file: Path
    entities: Mapping[str, EntityNode]
    deploys: Mapping[str, DeployNode]

    @property
    def beds(self) -> list[DeployNode]:
        """The deploys that may be destroyed and rebuilt unattended, in the file's order."""
        return [node for node in self.deploys.values() if node.deploy.disposable]

    def target(self, name: str, instance: str = "") -> Target:
        """A deploy of that name, else an entity; `vm:x` and `charly-x` mean x.

        Raises `SpecError` that names the nearest known name, or for what cannot be a name.
        """
        domain_of(name, instance)
        plain = plain_name(name)
        if node := self.deploys.get(plain):
            return Target(plain, instance, self.entities[node.deploy.entity], node)
        if plain in self.entities:
            return Target(plain, instance, self.entities[plain], None)
        known = [*self.deploys, *self.entities]
        close = difflib.get_close_matches(plain, known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known) or 'none'}"
        raise SpecError([Problem(str(self.file), 0, 0, f"has no VM called {plain!r}")], hint=hint)


def find_project_file(start: Path) -> Path | None:
    """The `charly.yml` in `start` or the nearest directory above it, also in their `beds/`."""
    for directory in (start, *start.parents):
        for candidate in (directory / FILE_NAME, directory / "beds" / FILE_NAME):
            if candidate.is_file():
                return candidate
    return None


def load_project(file: Path) -> Project:
    """Read and validate a project. Raises `SpecError` with all that is wrong in it."""
    document = read_document(file)
    reader = _Reader(document)
    reader.read()
    if reader.problems:
        raise SpecError(sorted(reader.problems, key=lambda problem: (problem.line, problem.column)))
    return Project(file, reader.entities, reader.deploys)


class _Reader:
    """Collects a document's nodes and all their problems."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = []
        self.entities: dict[str, EntityNode] = {}
        self.deploys: dict[str, DeployNode] = {}

    def read(self) -> None:
        if not isinstance(self.document.data, dict):
            self._complain((), "a project is a mapping of names to nodes")
            return
        for name, node in self.document.data.items():
            if name == "version":
                continue
            self._node(name, node)
        for name, deploy in self.deploys.items():
            wanted = deploy.deploy.entity
            if wanted not in self.entities:
                close = difflib.get_close_matches(wanted, list(self.entities), n=1)
                hint = f"; did you mean {close[0]!r}?" if close else ""
                self._complain((name, "vm", "from"), f"there is no VM entity {wanted!r}{hint}")

    def _node(self, name: str, node: Any) -> None:
        if not NODE_NAME.fullmatch(name) or name.startswith(PREFIX):
            rule = f"use letters, digits and . _ - inside, and not {PREFIX} in front"
            self._complain((name,), f"{name!r} cannot name a machine: {rule}")
        if not isinstance(node, dict) or "vm" not in node:
            self._complain((name,), f"{name}: a node is a mapping with the key vm")
            return
        body = node["vm"]
        if isinstance(body, str):
            body = {"from": body}
            self.document.positions[(name, "vm", "from")] = self.document.positions[(name, "vm")]
        if not isinstance(body, dict):
            self._complain(
                (name, "vm"), "vm: is a mapping with source (an entity) or from (a deploy)"
            )
        elif "from" in body:
            self._deploy(name, node, body)
        elif "source" in body:
            self._entity(name, node, body)
        else:
            self._complain((name, "vm"), "vm: needs source (an entity) or from (a deploy)")

    def _entity(self, name: str, node: dict[str, Any], body: dict[str, Any]) -> None:
        for child in node:
            if child != "vm":
                self._complain((name, child), unknown_key(child, ["vm"]))
        entity = self._validate((name, "vm"), lambda: VmEntity.model_validate(body))
        if entity is not None:
            line = self.document.positions[(name,)][0]
            file = str(self.document.file)
            self.entities[name] = EntityNode(name, entity, LibvirtDomain(), file, line)

    def _deploy(self, name: str, node: dict[str, Any], body: dict[str, Any]) -> None:
        deploy = self._validate((name, "vm"), lambda: Deploy.model_validate(body))
        steps = [self._step(name, key, child) for key, child in node.items() if key != "vm"]
        if deploy is None:
            return
        line = self.document.positions[(name,)][0]
        self.deploys[name] = DeployNode(
            name,
            deploy,
            tuple(step for step in steps if step is not None),
            str(self.document.file),
            line,
        )

    def _step(self, deploy: str, name: str, child: Any) -> Step | None:
        at = (deploy, name)
        if not isinstance(child, dict) or "check" not in child:
            self._complain(at, f"{name}: a step is a mapping with check and a verb")
            return None
        try:
            verb_name, arguments, written = split_step(child)
        except ValueError as error:
            self._complain(at, str(error))
            return None
        inside = (*at, verb_name) if isinstance(child[verb_name], dict) else at
        verb = self._validate(inside, lambda: VERBS[verb_name].model_validate(arguments))
        modifiers = self._validate(at, lambda: Modifiers.model_validate(written))
        if verb is None or modifiers is None:
            return None
        line = self.document.positions[at][0]
        return Step(name, modifiers.check, verb, modifiers.timeout, str(self.document.file), line)

    def _validate(self, at: KeyPath, validate: Callable[[], T]) -> T | None:
        try:
            return validate()
        except ValidationError as error:
            self.problems += problems_of(error, self.document, at)
            return None

    def _complain(self, path: KeyPath, text: str) -> None:
        self.problems.append(self.document.problem(path, text))
