"""What one top-level node of a file declares: itself, and all that stands inside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from charly_vm.model.candy import CandyNode, ImageNode
from charly_vm.model.deploy import DeployNode, ServiceNode
from charly_vm.model.document import KeyPath
from charly_vm.model.entity import EntityNode
from charly_vm.model.group import GroupNode
from charly_vm.model.nodes import Node
from charly_vm.model.readers.findings import Findings
from charly_vm.model.resource import ResourceNode


@dataclass
class Draft:
    """A deploy whose entity has not been looked up yet."""

    node: DeployNode
    namespace: str
    """Of the file: empty, or ends with a dot."""
    at: KeyPath
    """Of the body."""
    body: Mapping[str, Any]
    """With the blocks that stand in children."""
    places: Mapping[str, KeyPath]
    """Where those stand."""
    findings: Findings
    of_host: bool = False
    """Whether it is in the per-host file, which is about more projects than this one."""

    def place_of(self, key: str) -> KeyPath:
        return self.places.get(key, (*self.at, key))


@dataclass
class Overlay:
    """What the per-host file says about a deploy of the project without naming its entity."""

    name: str
    at: KeyPath
    body: Mapping[str, Any]
    findings: Findings


@dataclass
class Subtree:
    """Nodes that appear and disappear together: a file with precedence hides them as a whole."""

    name: str
    """The whole one, with its namespace."""
    namespace: str
    findings: Findings
    of_host: bool = False
    """Whether it is in the per-host file, where a deploy may add to one of the project's."""
    category: str = ""
    """What may share a name with what: a VM, a candy and an image may all be called arch."""
    hidden_by: str = ""
    """The place of the node that takes precedence, empty where none does."""
    nodes: list[Node] = field(default_factory=list)
    entities: list[EntityNode] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    overlays: list[Overlay] = field(default_factory=list)
    candies: list[CandyNode] = field(default_factory=list)
    images: list[ImageNode] = field(default_factory=list)
    resources: list[ResourceNode] = field(default_factory=list)
    groups: list[GroupNode] = field(default_factory=list)
    services: list[ServiceNode] = field(default_factory=list)

    @property
    def file(self) -> str:
        return self.findings.file

    @property
    def line(self) -> int:
        return self.nodes[0].line if self.nodes else 0

    def whole(self, name: str) -> str:
        """A name of the file as the project knows it."""
        return self.namespace + name

    def list_node(
        self,
        name: str,
        kind: str,
        at: KeyPath,
        *,
        role: str = "",
        parent: str = "",
        skipped: str = "",
    ) -> None:
        """Have a node shown; the first one says what the subtree is."""
        self.category = self.category or f"{kind} {role}"
        line = self.findings.document.line(at)
        self.nodes.append(Node(self.whole(name), kind, self.file, line, role, parent, skipped))
