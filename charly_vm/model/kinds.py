"""The kinds of nodes, and telling a node's kind from its children.

A node is `<name>: {<kind>: <body>, <child>: …}`. Kinds of the wider ecosystem are kept and not
run, and plugins bring kinds that nobody here has heard of; so the kind is what is not a child.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from charly_vm.model.deploy import Deploy
from charly_vm.model.entity import VmEntity
from charly_vm.model.spelling import REACH, find_meant
from charly_vm.model.step import INTENTS

VM, CANDY, RESOURCE, GROUP = "vm", "candy", "resource", "group"
OURS = (VM, CANDY, RESOURCE, GROUP)

FOREIGN = (
    *("agent", "android", "box", "builder", "distro", "init", "k8s", "local", "module", "pod"),
    *("sidecar", "target"),
)
"""Kinds that are known not to be one of ours misspelt."""

KINDS = frozenset((*OURS, *FOREIGN))

DIRECTIVES = ("version", "import", "discover", "defaults", "repo", "provides", "providers")
"""Keys at the top of a file that are no nodes."""

ENTITY_BLOCKS = ("libvirt", "network", "ssh", "cloud_init", "snapshot", "plan")
GROUP_BLOCKS = (
    *("ephemeral", "env", "add_candy", "install_opts", "requires_exclusive", "requires_shared"),
    *("requires_amount", "preemptible", "plan"),
)
DEPLOY_BLOCKS = (*GROUP_BLOCKS, "vm_state", "matrix")
CANDY_BLOCKS = (
    *("require", "candy", "env", "var", "path_append", "package", "distro", "service", "libvirt"),
    *("plan", "shell", "localpkg", "volume", "alias", "security"),
)
RESOURCE_BLOCKS = ("gpu",)
PREEMPTIBLE = "preemptible"
"""The one block that counts in a node of a kind that does not run here."""

BLOCKS = frozenset((*ENTITY_BLOCKS, *DEPLOY_BLOCKS, *CANDY_BLOCKS, *RESOURCE_BLOCKS))
"""Keys of bodies that may stand in a child of their own: whatever is a list or a mapping."""


BODY_KEYS = frozenset((*VmEntity.known_keys(), *Deploy.known_keys())) - KINDS - BLOCKS
"""Keys that belong under `vm:`, and are no kind of a node."""


class NoKind(ValueError):
    """A mapping has no kind, or two. `key` is where that shows, empty for the mapping itself."""

    def __init__(self, key: str, text: str) -> None:
        super().__init__(text)
        self.key = key


def is_child(value: object) -> bool:
    """Whether a value in a node is a child (a step, a block or a node), and not a kind's body."""
    if not isinstance(value, Mapping):
        return False
    if not set(INTENTS).isdisjoint(value):
        return True
    if len(value) == 1 and next(iter(value)) in BLOCKS:
        return True
    return any(_is_node_of(kind, value) for kind in KINDS)


def _is_node_of(kind: str, value: Mapping[str, Any]) -> bool:
    """Whether a mapping looks like a node: a kind, and children, all of which are mappings.

    A list is no body: a candy has a block of its kind's name.
    """
    return (
        kind in value
        and not isinstance(value[kind], list)
        and all(isinstance(inner, Mapping) for key, inner in value.items() if key != kind)
    )


def _is_called_like_a_kind(key: str, value: object) -> bool:
    """Whether it is a child with a kind for a name: a step, or `vm: {vm: …}`."""
    if not isinstance(value, Mapping):
        return False
    return not set(INTENTS).isdisjoint(value) or _is_node_of(key, value)


def find_kind(node: Mapping[str, Any]) -> str:
    """The key of a node that is its kind. Raises `NoKind`."""
    if len(node) == 1 and not KINDS.isdisjoint(node):
        return next(iter(node))
    known = [key for key in node if key in KINDS and not _is_called_like_a_kind(key, node[key])]
    bodies = [key for key in known if not is_child(node[key])]
    if len(bodies) > 1:
        raise NoKind(bodies[1], f"a node has exactly one kind; here are {' and '.join(bodies)}")
    if known:
        # A body of one block looks like a child, and is none where nothing else can be the body.
        return bodies[0] if bodies else known[0]
    others = [key for key in node if not is_child(node[key])]
    for key in others or node:
        if key in BODY_KEYS:
            raise NoKind(key, f"{key}: belongs into the body of a kind, such as vm: {{{key}: …}}")
        if meant := find_meant(key, OURS, reach=REACH):
            raise NoKind(key, f"unknown kind {key!r}; did you mean {meant!r}?")
    if len(others) == 1:
        return others[0]
    if len(node) == 1 and BLOCKS.isdisjoint(node) and set(INTENTS).isdisjoint(node):
        return next(iter(node))
    here = f"; here are {', '.join(others)}" if others else ""
    raise NoKind("", f"a node has exactly one kind, such as vm{here}")
