"""The top of a file: which keys are directives, which are nodes, which belong to a node."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from charly_vm.model.base import show
from charly_vm.model.kinds import BLOCKS, CANDY, DIRECTIVES, KINDS, OURS, RESOURCE
from charly_vm.model.readers.findings import Findings
from charly_vm.model.readers.node import read_node
from charly_vm.model.readers.resource import read_token
from charly_vm.model.readers.subtree import Subtree
from charly_vm.model.readers.written import Child
from charly_vm.model.spelling import find_meant
from charly_vm.model.step import INTENTS


def read_nodes(findings: Findings, namespace: str = "", *, of_host: bool = False) -> list[Subtree]:
    """What the nodes of a document declare. `namespace` goes in front of every name."""
    data = findings.document.data
    if not isinstance(data, dict):
        findings.complain((), f"a project is a mapping of names to nodes, not {show(data)}")
        return []
    beside = _find_blocks_beside(data)
    attached = {child.name for children in beside.values() for child in children}
    subtrees: list[Subtree] = []
    for name, value in data.items():
        if name in DIRECTIVES or name in attached:
            continue
        if name == RESOURCE and isinstance(value, dict) and KINDS.isdisjoint(value):
            subtrees += _read_tokens(value, namespace, findings)
        elif _is_node(name, value, findings):
            subtree = Subtree(namespace + name, namespace, findings, of_host)
            read_node(Child(name, value, (name,)), subtree, beside=beside.get(name, ()))
            subtrees.append(subtree)
    return subtrees


def _find_blocks_beside(data: Mapping[str, Any]) -> dict[str, list[Child]]:
    """`<node>-<key>: {<key>: …}` by the node to which it belongs."""
    found: dict[str, list[Child]] = {}
    for name, value in data.items():
        if not isinstance(value, dict) or len(value) != 1 or name in DIRECTIVES:
            continue
        [(key, content)] = value.items()
        node = name.removesuffix(f"-{key}")
        if node == name or node in DIRECTIVES or not isinstance(data.get(node), dict):
            continue
        if _is_block_of(data[node], key, content):
            found.setdefault(node, []).append(Child(name, value, (name,)))
    return found


def _is_block_of(node: Mapping[str, Any], key: str, content: Any) -> bool:
    """Whether a mapping of one key is a block of the node after which it is called.

    `ripgrep-skill: {skill: {…}}` is a node of a plugin's kind; `<pod>-port: {port: […]}` is none.
    """
    if key in KINDS:
        # A candy's `distro` and its list of candies are called like kinds.
        is_candys = CANDY in node and key in BLOCKS
        return is_candys and not (key == CANDY and isinstance(content, dict))
    return key in BLOCKS or (set(OURS).isdisjoint(node) and not isinstance(content, dict))


def _read_tokens(
    tokens: Mapping[str, Any], namespace: str, findings: Findings
) -> Iterator[Subtree]:
    """The map form: `resource: {<token>: {gpu: …}}`."""
    for token, body in tokens.items():
        subtree = Subtree(namespace + token, namespace, findings)
        read_token(token, body, (RESOURCE, token), subtree)
        yield subtree


def _is_node(name: str, value: Any, findings: Findings) -> bool:
    """Whether a key at the top can be a node; complains where it cannot."""
    known = isinstance(value, dict) and not KINDS.isdisjoint(value)
    if not known and (meant := find_meant(name, (*DIRECTIVES, RESOURCE))):
        findings.complain((name,), f"unknown key {name!r}; did you mean {meant!r}?")
        return False
    if not isinstance(value, dict):
        text = f"{name}: a node is a mapping with one kind, such as vm, not {show(value)}"
        findings.complain((name,), text)
        return False
    if not set(INTENTS).isdisjoint(value) and not known:
        findings.complain((name,), f"{name}: a step stands inside a node")
        return False
    return known or len(value) != 1 or _is_no_block(name, next(iter(value)), findings)


def _is_no_block(name: str, key: str, findings: Findings) -> bool:
    """Whether a mapping of one key is a node, and not a block that belongs to none."""
    if key in BLOCKS:
        node = name.removesuffix(f"-{key}")
        why = f"there is no {node!r}" if node != name else f"it is not called <node>-{key}"
        findings.complain((name,), f"{name}: belongs to no node of this file: {why}")
        return False
    called = name.endswith(tuple(f"-{block}" for block in BLOCKS))
    if called and (meant := find_meant(key, BLOCKS)):
        findings.complain((name, key), f"unknown key {key!r}; did you mean {meant!r}?")
        return False
    return True
