"""A node with `vm:`: an entity, a deploy, or what the per-host file adds to a deploy."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from charly_vm.model.base import show
from charly_vm.model.deploy import Deploy, DeployNode
from charly_vm.model.document import KeyPath
from charly_vm.model.entity import EntityNode, VmEntity
from charly_vm.model.kinds import DEPLOY_BLOCKS, ENTITY_BLOCKS, VM
from charly_vm.model.libvirt import LibvirtDomain
from charly_vm.model.names import NODE_NAME
from charly_vm.model.readers.children import Children, read_children
from charly_vm.model.readers.findings import Findings
from charly_vm.model.readers.subtree import Draft, Overlay, Subtree
from charly_vm.model.readers.written import Written
from charly_vm.model.spelling import find_meant

SOURCE, FROM = "source", "from"
AGENT = "agent_provisioned"

NEEDS_ONE = "vm: needs source (an entity) or from (a deploy)"


def read_vm(node: Written, subtree: Subtree) -> Children:
    """Read the node into the subtree."""
    findings = subtree.findings
    whole = subtree.whole(node.name)
    if not NODE_NAME.fullmatch(whole):
        rule = "use letters, digits and . _ - inside, at most 63"
        findings.complain(node.at, f"{whole!r} cannot name a machine: {rule}")
    body = _read_body(node, findings)
    if body is None:
        return Children()
    if role := _find_role(body, node.inside, findings):
        read = _read_entity if role == SOURCE else _read_deploy
        return read(node, body, subtree)
    if body.get(AGENT) is True:
        _list(node, subtree, "deploy", f"an AI provisions it ({AGENT})")
    elif subtree.of_host and not node.parent and body:
        subtree.overlays.append(Overlay(whole, node.inside, body, findings))
        _list(node, subtree, "overlay")
    elif not (SOURCE in body and FROM in body):
        findings.complain(node.inside, NEEDS_ONE)
    return Children()


def _read_body(node: Written, findings: Findings) -> Mapping[str, Any] | None:
    written = node.body
    if isinstance(written, str):
        return {FROM: written}
    if not isinstance(written, Mapping):
        text = f"vm: is a mapping with source or from, not {show(written)}"
        findings.complain(node.inside, text)
        return None
    if "libvirt" in written:
        text = (
            f"libvirt: stands in a child of its own, {node.name}-libvirt: {{libvirt: …}}; "
            "`charly migrate` moves it there"
        )
        findings.complain((*node.inside, "libvirt"), text)
    return {key: value for key, value in written.items() if key != "libvirt"}


def _find_role(body: Mapping[str, Any], inside: KeyPath, findings: Findings) -> str:
    """`source` for an entity, `from` for a deploy, also misspelt; empty for neither or both."""
    written = [key for key in body if key in (SOURCE, FROM)]
    if len(written) == 1:
        return written[0]
    if written:
        text = "source (an entity) and from (a deploy) exclude each other"
        findings.complain((*inside, written[1]), text)
        return ""
    return next((meant for key in body if (meant := find_meant(key, (SOURCE, FROM)))), "")


def _read_entity(node: Written, body: Mapping[str, Any], subtree: Subtree) -> Children:
    findings = subtree.findings
    found = read_children(node, body, ENTITY_BLOCKS, "a VM entity", findings)
    blocks = dict(found.blocks)
    libvirt: LibvirtDomain | None = no_libvirt()
    if "libvirt" in blocks:
        block = blocks.pop("libvirt")
        libvirt = findings.validate(LibvirtDomain, block, found.places["libvirt"])
    entity = findings.validate(VmEntity, {**body, **blocks}, node.inside, found.places)
    if entity is not None and libvirt is not None:
        line, steps = findings.document.line(node.at), tuple(found.steps)
        subtree.entities.append(
            EntityNode(subtree.whole(node.name), entity, libvirt, findings.file, line, steps)
        )
    _list(node, subtree, "entity")
    return found


def _read_deploy(node: Written, body: Mapping[str, Any], subtree: Subtree) -> Children:
    findings = subtree.findings
    found = read_children(node, body, DEPLOY_BLOCKS, "a deploy", findings)
    whole = {**body, **found.blocks}
    deploy = findings.validate(Deploy, whole, node.inside, found.places)
    if deploy is not None:
        line, steps = findings.document.line(node.at), tuple(found.steps)
        name = subtree.whole(node.name)
        made = DeployNode(name, deploy, steps, findings.file, line, parent=node.parent)
        subtree.drafts.append(
            Draft(
                made,
                subtree.namespace,
                node.inside,
                whole,
                found.places,
                findings,
                subtree.of_host,
            )
        )
    _list(node, subtree, "deploy")
    return found


def _list(node: Written, subtree: Subtree, role: str, skipped: str = "") -> None:
    subtree.list_node(node.name, VM, node.at, role=role, parent=node.parent, skipped=skipped)


@cache
def no_libvirt() -> LibvirtDomain:
    """What an entity without a block has: libvirt's and charly's defaults."""
    return LibvirtDomain.unwritten()
