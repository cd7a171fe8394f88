"""A node with `resource:`, and the map form that declares several tokens at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from charly_vm.model.document import KeyPath
from charly_vm.model.kinds import RESOURCE, RESOURCE_BLOCKS
from charly_vm.model.readers.children import Children, read_children
from charly_vm.model.readers.subtree import Subtree
from charly_vm.model.readers.written import Written
from charly_vm.model.resource import HostResource, ResourceNode


def read_resource(node: Written, subtree: Subtree) -> Children:
    """Read the node into the subtree."""
    body = _as_mapping(node.body)
    found = Children()
    if isinstance(body, Mapping):
        found = read_children(node, body, RESOURCE_BLOCKS, "a resource", subtree.findings)
        body = {**body, **found.blocks}
    _add(node.name, body, node.at, node.inside, subtree, node.parent, found.places)
    return found


def read_token(token: str, body: Any, at: KeyPath, subtree: Subtree) -> None:
    """Read one entry of the map form into the subtree."""
    _add(token, _as_mapping(body), at, at, subtree)


def _as_mapping(body: Any) -> Any:
    """A bare token has nothing behind it."""
    return {} if body is None else body


def _add(
    token: str,
    body: Any,
    at: KeyPath,
    inside: KeyPath,
    subtree: Subtree,
    parent: str = "",
    places: Mapping[str, KeyPath] | None = None,
) -> None:
    resource = subtree.findings.validate(HostResource, body, inside, places)
    if resource is not None:
        line = subtree.findings.document.line(at)
        subtree.resources.append(ResourceNode(subtree.whole(token), resource, subtree.file, line))
    subtree.list_node(token, RESOURCE, at, parent=parent)
