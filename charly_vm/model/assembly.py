"""From what the files declare to one project: what refers to what, and what is inside what."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

from charly_vm.model.candy import CandyNode, ImageNode
from charly_vm.model.deploy import Deploy, DeployNode, ServiceNode
from charly_vm.model.entity import EntityNode
from charly_vm.model.group import GroupNode
from charly_vm.model.imports import Unfetched
from charly_vm.model.nodes import Node
from charly_vm.model.readers.subtree import Draft, Overlay, Subtree
from charly_vm.model.resource import ResourceNode
from charly_vm.model.spelling import find_meant, find_nearest, suggestion


class Named(Protocol):
    """Anything with a name and a place."""

    @property
    def name(self) -> str: ...
    @property
    def file(self) -> str: ...
    @property
    def line(self) -> int: ...


T = TypeVar("T", bound=Named)


class Assembly:
    """Everything that a project declares. Problems and warnings go to the files' findings."""

    def __init__(self, unfetched: Sequence[Unfetched]) -> None:
        self.unfetched = unfetched
        self.entities: dict[str, EntityNode] = {}
        self.deploys: dict[str, DeployNode] = {}
        self.candies: dict[str, CandyNode] = {}
        self.images: dict[str, ImageNode] = {}
        self.resources: dict[str, ResourceNode] = {}
        self.groups: dict[str, GroupNode] = {}
        self.services: dict[str, ServiceNode] = {}
        self.nodes: list[Node] = []
        self._skipped: dict[tuple[str, int, str], str] = {}
        self._faulty: dict[str, Node] = {}
        """Entities that are there and could not be read, of which enough has been said."""

    def assemble(self, subtrees: Sequence[Subtree]) -> None:
        """Take all subtrees, in the order in which people read them."""
        visible = [subtree for subtree in subtrees if not subtree.hidden_by]
        drafts = [draft for subtree in visible for draft in subtree.drafts]
        for subtree in visible:
            self._add("VM entity", self.entities, subtree.entities, subtree)
            self._add("deploy", self.deploys, [one.node for one in subtree.drafts], subtree)
            self._add("candy", self.candies, subtree.candies, subtree)
            self._add("image", self.images, subtree.images, subtree)
            self._add("resource", self.resources, subtree.resources, subtree)
            self._add("service", self.services, subtree.services, subtree)
            self._faulty |= {one.name: one for one in subtree.nodes if one.role == "entity"}
        for subtree in visible:
            for overlay in subtree.overlays:
                self._apply(overlay, drafts)
        for subtree in visible:
            self._add("group", self.groups, _with_members(subtree), subtree)
        for draft in drafts:
            self._finish(draft)
        self.nodes = [node for subtree in subtrees for node in self._list(subtree)]

    def _add(self, what: str, known: dict[str, T], found: Iterable[T], subtree: Subtree) -> None:
        for one in found:
            if earlier := known.get(one.name):
                where = f"{earlier.file}:{earlier.line}"
                text = f"there is a {what} called {one.name!r} already, in {where}"
                subtree.findings.complain_in_line(one.line, text)
            else:
                known[one.name] = one

    def _apply(self, overlay: Overlay, drafts: list[Draft]) -> None:
        """Add what the per-host file says to a deploy of the project, if that is here."""
        for draft in drafts:
            if draft.node.name == overlay.name and not draft.of_host:
                body = {**draft.body, **overlay.body}
                deploy = overlay.findings.validate(Deploy, body, overlay.at)
                if deploy is not None:
                    draft.node = dataclasses.replace(draft.node, deploy=deploy)
                return
        file, line = overlay.findings.file, overlay.findings.document.line(overlay.at[:1])
        reason = "it adds to a deploy that is not in this project"
        self._skipped[file, line, overlay.name] = reason

    def _finish(self, draft: Draft) -> None:
        """Find the entity, and put its plan in front of the deploy's own steps."""
        node = draft.node
        entity = find_in_scope(node.deploy.entity, draft.namespace, self.entities)
        if entity is None:
            self._miss(draft)
        else:
            own = {step.id for step in node.steps}
            inherited = [step for step in entity.steps if step.id not in own]
            steps = (*inherited, *node.steps)
            node = dataclasses.replace(node, entity=entity.name, steps=steps)
        self.deploys[node.name] = node
        self._check_tokens(draft)
        self._check_candies(draft)
        _check_order(node, draft)

    def _miss(self, draft: Draft) -> None:
        """Say why there is no entity: it is elsewhere, or it is nowhere."""
        node, wanted = draft.node, draft.node.deploy.entity
        key = (node.file, node.line, node.name)
        if reference := self._find_unfetched(wanted, draft.namespace):
            self._skipped[key] = f"there is no {wanted} here, and {reference} is not fetched"
        elif find_in_scope(wanted, draft.namespace, self._faulty):
            return
        elif draft.of_host:
            self._skipped[key] = f"its entity {wanted} is not in this project"
        else:
            near = suggestion(wanted, self.entities)
            draft.findings.complain((*draft.at, "from"), f"there is no VM entity {wanted!r}{near}")

    def _find_unfetched(self, wanted: str, namespace: str) -> str | None:
        """The reference behind which a name may be."""
        if wanted.startswith("@"):
            return wanted
        whole = namespace + wanted
        inside = [one for one in self.unfetched if one.namespace.startswith(namespace)]
        for one in inside:
            if one.namespace != namespace and whole.startswith(one.namespace):
                return one.reference
        for one in inside:
            if one.namespace == namespace and not find_meant(wanted, self.entities):
                return one.reference
        return None

    def _check_tokens(self, draft: Draft) -> None:
        """A token is a free label; one that is nearly a known one may be a mistake."""
        resources = {name.rpartition(".")[2]: node for name, node in self.resources.items()}
        deploy = draft.node.deploy
        held = deploy.preemptible
        wanted = [
            *(("requires_exclusive", token) for token in deploy.requires_exclusive),
            *(("requires_shared", token) for token in deploy.requires_shared),
            *(("preemptible", token) for token in ((*held.holds, *held.shares) if held else ())),
        ]
        for key, token in wanted:
            if meant := find_meant(token, set(resources)):
                text = f"{key}: no resource is called {token!r}; did you mean {meant!r}?"
                draft.findings.warn(draft.place_of(key), text)
        for token in deploy.requires_amount.others if deploy.requires_amount else ():
            self._check_amount(draft, token, resources)

    def _check_amount(
        self, draft: Draft, token: str, resources: Mapping[str, ResourceNode]
    ) -> None:
        """Of what is wanted in part it has to be known how much there is."""
        deploy = draft.node.deploy
        there = resources[token].resource.amount if token in resources else None
        asked = deploy.requires_amount.others[token] if deploy.requires_amount else 0
        place = draft.place_of("requires_amount")
        if there is None and self.unfetched:
            return
        if there is None:
            known = [
                "ram",
                "cpus",
                *(name for name, node in resources.items() if node.resource.amount),
            ]
            near = find_nearest(token, known)
            hint = (
                f"did you mean {near!r}?"
                if near
                else f"write `{token}: {{resource: {{amount: …}}}}`"
            )
            draft.findings.complain(place, f"nothing says how much of {token!r} there is; {hint}")
        elif asked > there:
            draft.findings.complain(place, f"there is {there} of {token!r}, and {asked} is wanted")

    def _check_candies(self, draft: Draft) -> None:
        """Candies may be behind references; one that is nearly a known one may be a mistake."""
        included = [step.prose for step in draft.node.steps if step.intent == "include"]
        for candy in (*draft.node.deploy.add_candy, *included):
            known = find_in_scope(candy, draft.namespace, self.candies)
            if known is None and (meant := find_meant(candy, self.candies)):
                text = f"no candy is called {candy!r}; did you mean {meant!r}?"
                draft.findings.warn(draft.place_of("add_candy"), text)

    def _list(self, subtree: Subtree) -> Iterator[Node]:
        for node in subtree.nodes:
            reason = self._skipped.get((node.file, node.line, node.name), "")
            if subtree.hidden_by:
                reason = f"the one in {subtree.hidden_by} takes precedence"
            yield dataclasses.replace(node, skipped=reason) if reason else node


def find_in_scope(name: str, namespace: str, known: Mapping[str, T]) -> T | None:
    """What a name means in a file: something of its own namespace, or of one around it."""
    scope = namespace
    while True:
        if scope + name in known:
            return known[scope + name]
        if not scope:
            return None
        outer = scope[:-1].rpartition(".")[0]
        scope = f"{outer}." if outer else ""


def _with_members(subtree: Subtree) -> Iterator[GroupNode]:
    """The groups with their members, to whom a group's `disposable: true` is handed down."""
    for group in subtree.groups:
        members = [draft for draft in subtree.drafts if draft.node.parent == group.name]
        for draft in members:
            deploy = draft.node.deploy
            if group.group.disposable and "disposable" not in deploy.model_fields_set:
                inherited = deploy.model_copy(update={"disposable": True})
                draft.node = dataclasses.replace(draft.node, deploy=inherited)
        yield dataclasses.replace(group, members=tuple(one.node.name for one in members))


def _check_order(node: DeployNode, draft: Draft) -> None:
    """`depends_on` names steps; those of candies are not known here."""
    known = {step.id for step in node.steps}
    if node.deploy.add_candy or any(step.intent == "include" for step in node.steps):
        return
    for step in node.steps:
        for wanted in step.modifiers.depends_on:
            if wanted not in known and step.file == draft.findings.file:
                text = f"depends_on: there is no step {wanted!r}{suggestion(wanted, known)}"
                draft.findings.complain_in_line(step.line, text)
