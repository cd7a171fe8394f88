"""A node with `candy:`: a layer, or a container image, which is kept and not looked into."""

from __future__ import annotations

from collections.abc import Mapping

from charly_vm.model.base import show
from charly_vm.model.candy import IMAGE_KEYS, NEEDS_MIGRATION, Candy, CandyNode, ImageNode
from charly_vm.model.kinds import CANDY, CANDY_BLOCKS, VM, is_child
from charly_vm.model.readers.children import Children, read_children
from charly_vm.model.readers.findings import Findings
from charly_vm.model.readers.subtree import Subtree
from charly_vm.model.readers.written import Child, Written

MOVED = "{key}: is no part of a container image any more; `charly migrate` makes it a VM entity"


def refuse_old_image(node: Child, findings: Findings) -> bool:
    """Complain about what an image had before VMs became entities of their own."""
    body = node.value.get(CANDY)
    if not isinstance(body, Mapping) or (is_child(body) and not _is_image(body)):
        return False
    beside = [key for key in NEEDS_MIGRATION if key in node.value]
    moved = [(*node.at, key) for key in beside if not is_child(node.value[key])]
    if _is_image(body):
        moved += [(*node.at, CANDY, key) for key in NEEDS_MIGRATION if key in body]
    for at in moved:
        findings.complain(at, MOVED.format(key=at[-1]))
    return bool(moved)


def read_candy(node: Written, subtree: Subtree) -> Children:
    """Read the node into the subtree."""
    body, findings = node.body, subtree.findings
    if not isinstance(body, Mapping):
        findings.complain(node.inside, f"candy: is a mapping, not {show(body)}")
        return Children()
    if _is_image(body):
        _read_image(node, body, subtree)
        return Children()
    if VM in body:
        findings.complain((*node.inside, VM), MOVED.format(key=VM))
    found = read_children(node, body, CANDY_BLOCKS, "a candy", findings)
    candy = findings.validate(Candy, {**body, **found.blocks}, node.inside, found.places)
    if candy is not None:
        line, steps = findings.document.line(node.at), tuple(found.steps)
        name = subtree.whole(node.name)
        subtree.candies.append(CandyNode(name, candy, steps, findings.file, line))
    subtree.list_node(node.name, CANDY, node.at, role="layer", parent=node.parent)
    return found


def _is_image(body: Mapping[str, object]) -> bool:
    return not set(IMAGE_KEYS).isdisjoint(body)


def _read_image(node: Written, body: Mapping[str, object], subtree: Subtree) -> None:
    for child in node.children():
        if isinstance(child.value, Mapping) and "libvirt" in child.value:
            subtree.findings.complain((*child.at, "libvirt"), MOVED.format(key="libvirt"))
    line = subtree.findings.document.line(node.at)
    subtree.images.append(ImageNode(subtree.whole(node.name), body, subtree.file, line))
    reason = "container images are not built here"
    subtree.list_node(node.name, CANDY, node.at, role="image", parent=node.parent, skipped=reason)
