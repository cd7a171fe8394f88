"""A node with `group:`. Its VM members are deploys of their own, read like any other."""

from __future__ import annotations

from collections.abc import Mapping

from charly_vm.model.base import show
from charly_vm.model.group import OF_THE_GROUP, Group, GroupNode
from charly_vm.model.kinds import GROUP, GROUP_BLOCKS
from charly_vm.model.readers.children import Children, read_children
from charly_vm.model.readers.subtree import Subtree
from charly_vm.model.readers.written import Written


def read_group(node: Written, subtree: Subtree) -> Children:
    """Read the node into the subtree; who its members are is known when those have been read."""
    findings = subtree.findings
    body = {} if node.body is None else node.body
    if not isinstance(body, Mapping):
        findings.complain(node.inside, f"group: is a mapping, not {show(body)}")
        return Children()
    subtree.list_node(node.name, GROUP, node.at, parent=node.parent)
    found = read_children(node, body, GROUP_BLOCKS, "a group", findings)
    group = findings.validate(Group, {**body, **found.blocks}, node.inside, found.places)
    if group is None:
        return found
    for key in sorted(group.model_fields_set - OF_THE_GROUP):
        at = found.places.get(key, (*node.inside, key))
        findings.warn(at, f"{key}: is kept, and each member has to say it for itself")
    for step in found.steps:
        text = f"the step {step.id!r} belongs to no machine; put it into a member"
        findings.warn_in_line(step.line, text)
    line, steps = findings.document.line(node.at), tuple(found.steps)
    name = subtree.whole(node.name)
    subtree.groups.append(GroupNode(name, group, (), steps, findings.file, line))
    return found
