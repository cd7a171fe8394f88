"""Nodes of the wider ecosystem's kinds: listed with all that is inside them, and left alone."""

from __future__ import annotations

from charly_vm.model.kinds import KINDS, NoKind, find_kind
from charly_vm.model.readers.children import Children
from charly_vm.model.readers.subtree import Subtree
from charly_vm.model.readers.written import Written
from charly_vm.model.step import INTENTS


def read_foreign(node: Written, subtree: Subtree) -> Children:
    """List the node and what is inside it."""
    reason = f"nodes of kind {node.kind} are not run here"
    subtree.list_node(node.name, node.kind, node.at, parent=node.parent, skipped=reason)
    _list_inside(node, subtree)
    return Children()


def _list_inside(node: Written, subtree: Subtree) -> None:
    name = subtree.whole(node.name)
    for child in node.children():
        value = child.value
        if not isinstance(value, dict) or KINDS.isdisjoint(value):
            continue
        if not set(INTENTS).isdisjoint(value):
            continue
        try:
            kind = find_kind(value)
        except NoKind:
            continue
        reason = f"it stands inside {name}, which is not run here"
        subtree.list_node(child.name, kind, child.at, parent=name, skipped=reason)
        _list_inside(Written(child.name, kind, value, child.at, name), subtree)
