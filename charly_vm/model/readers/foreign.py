"""Nodes of the wider ecosystem's kinds: listed with all that is inside them, and left alone, but
for one that says by which commands it gives way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from charly_vm.model.deploy import Preemptible, ServiceNode
from charly_vm.model.document import KeyPath
from charly_vm.model.kinds import KINDS, PREEMPTIBLE, NoKind, find_kind
from charly_vm.model.readers.children import Children
from charly_vm.model.readers.subtree import Subtree
from charly_vm.model.readers.written import Written
from charly_vm.model.step import INTENTS


def read_foreign(node: Written, subtree: Subtree) -> Children:
    """List the node and what is inside it."""
    reason = f"nodes of kind {node.kind} are not run here"
    subtree.list_node(node.name, node.kind, node.at, parent=node.parent, skipped=reason)
    _read_service(node, subtree)
    _list_inside(node, subtree)
    return Children()


def _read_service(node: Written, subtree: Subtree) -> None:
    """Read how a service is stopped, started and queried, where it says that."""
    for written, at in _find_blocks(node):
        # Without a command it gives way to the Go program, which knows how to stop it.
        if isinstance(written, Mapping) and "running" in written:
            read = subtree.findings.validate(Preemptible, written, at)
            if read is not None:
                line = subtree.findings.document.line(node.at)
                name = subtree.whole(node.name)
                subtree.services.append(ServiceNode(name, read, subtree.file, line))


def _find_blocks(node: Written) -> Iterator[tuple[object, KeyPath]]:
    """The block in the body, or in a child of its own, with its place."""
    if isinstance(node.body, Mapping) and PREEMPTIBLE in node.body:
        yield node.body[PREEMPTIBLE], (*node.inside, PREEMPTIBLE)
    for child in node.children():
        if isinstance(child.value, Mapping) and set(child.value) == {PREEMPTIBLE}:
            yield child.value[PREEMPTIBLE], (*child.at, PREEMPTIBLE)


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
