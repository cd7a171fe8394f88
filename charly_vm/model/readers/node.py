"""One node: what kind it is, who reads that, and the nodes inside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from charly_vm.model.kinds import CANDY, GROUP, RESOURCE, VM, NoKind, find_kind
from charly_vm.model.readers.candy import read_candy, refuse_old_image
from charly_vm.model.readers.children import Children
from charly_vm.model.readers.foreign import read_foreign
from charly_vm.model.readers.group import read_group
from charly_vm.model.readers.resource import read_resource
from charly_vm.model.readers.subtree import Subtree
from charly_vm.model.readers.vm import read_vm
from charly_vm.model.readers.written import Child, Written

READERS: dict[str, Callable[[Written, Subtree], Children]] = {
    VM: read_vm,
    CANDY: read_candy,
    RESOURCE: read_resource,
    GROUP: read_group,
}


def read_node(
    node: Child, subtree: Subtree, *, parent: str = "", beside: Sequence[Child] = ()
) -> None:
    """Read a node and all that is inside it into a subtree. `parent` is the node around it."""
    if refuse_old_image(node, subtree.findings):
        return
    try:
        kind = find_kind(node.value)
    except NoKind as error:
        at = (*node.at, error.key) if error.key else node.at
        subtree.findings.complain(at, str(error))
        return
    written = Written(node.name, kind, node.value, node.at, parent, beside)
    found = READERS.get(kind, read_foreign)(written, subtree)
    for child in found.nodes:
        read_node(child, subtree, parent=subtree.whole(node.name))
