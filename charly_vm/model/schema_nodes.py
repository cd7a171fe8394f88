"""The JSON Schema of nodes and their children, around the schemas of the kinds' bodies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from charly_vm.model.base import Model
from charly_vm.model.candy import IMAGE_KEYS, NEEDS_MIGRATION, Candy
from charly_vm.model.deploy import Deploy
from charly_vm.model.entity import VmEntity
from charly_vm.model.group import Group
from charly_vm.model.kinds import (
    BLOCKS,
    CANDY,
    CANDY_BLOCKS,
    DEPLOY_BLOCKS,
    DIRECTIVES,
    ENTITY_BLOCKS,
    FOREIGN,
    GROUP,
    GROUP_BLOCKS,
    KINDS,
    RESOURCE,
    RESOURCE_BLOCKS,
    VM,
)
from charly_vm.model.libvirt import LibvirtDomain
from charly_vm.model.names import NODE_NAME
from charly_vm.model.resource import HostResource
from charly_vm.model.schema_children import child_definitions, node_of
from charly_vm.model.schema_rules import Schema, chain, has_any, has_only, ref
from charly_vm.model.spelling import misspelling_pattern
from charly_vm.model.step import INTENTS

Names = Mapping[type[Model], str]


def node_definitions(definitions: Mapping[str, Schema], names: Names) -> Schema:
    """`Node`, one definition per kind, and what their children may be.

    `definitions` has the bodies, under the name that `names` gives for each model.
    """

    def fields(model: type[Model]) -> Schema:
        found: Schema = definitions[names[model]]["properties"]
        return found

    blocks = {
        "EntityChild": _pick(
            ENTITY_BLOCKS, {**fields(VmEntity), "libvirt": ref(names[LibvirtDomain])}
        ),
        "DeployChild": _pick(DEPLOY_BLOCKS, fields(Deploy)),
        "CandyChild": _pick(CANDY_BLOCKS, fields(Candy)),
        "ResourceChild": _pick(RESOURCE_BLOCKS, fields(HostResource)),
        "GroupChild": _pick(GROUP_BLOCKS, fields(Group)),
    }
    return {
        **child_definitions(blocks),
        "CandyNode": _candy_node(names),
        "GroupNode": _of_kind(GROUP, _nullable(ref(names[Group])), "GroupChild", GROUP_BLOCKS),
        "Node": _node(),
        "ResourceNode": _of_kind(
            RESOURCE, _nullable(ref(names[HostResource])), "ResourceChild", RESOURCE_BLOCKS
        ),
        "VmNode": _vm_node(names),
    }


def render_top(directives: Schema, names: Names) -> Schema:
    """A file: directives, and nodes by their names."""
    known = has_any(sorted(KINDS))
    endings = "|".join(sorted(BLOCKS))
    node = f"(?!({'|'.join((*DIRECTIVES, RESOURCE))})$)"
    patterns: Schema = {
        misspelling_pattern((*DIRECTIVES, RESOURCE)): known,
        f"^(?!({NODE_NAME.pattern})$)": {"not": {"type": "object", "required": [VM]}},
        # A block beside its node is called after both.
        **{
            rf"^{node}(?!.+-{key}$)": {
                "not": {"type": "object", "required": [key], "maxProperties": 1}
            }
            for key in sorted(BLOCKS - KINDS)
        },
        f"^{node}(?!.+-{CANDY}$)": {"not": _candys_candies()},
        f".-({endings})$": {
            "not": {
                "type": "object",
                "minProperties": 1,
                "maxProperties": 1,
                "propertyNames": ref("LikeBlock"),
            }
        },
    }
    return {
        "type": "object",
        "properties": {
            **{key: _nullable(value) for key, value in directives["properties"].items()},
            RESOURCE: {
                "if": known,
                "then": ref("Node"),
                "else": {
                    "type": "object",
                    "additionalProperties": _nullable(ref(names[HostResource])),
                },
            },
        },
        "additionalProperties": ref("Node"),
        # By themselves, since additionalProperties leaves out what a pattern matches.
        "allOf": [{"patternProperties": patterns}],
    }


def _pick(blocks: Sequence[str], properties: Schema) -> Schema:
    return {key: properties[key] for key in blocks}


def _nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _node() -> Schema:
    """Whatever may stand behind a name at the top, by its kind."""
    kind = chain(
        [
            (_candys_candies(), ref("BlockBeside")),
            (_is_of(VM), ref("VmNode")),
            (_is_of(CANDY), ref("CandyNode")),
            (_is_of(RESOURCE), ref("ResourceNode")),
            (_is_of(GROUP), ref("GroupNode")),
            ({"anyOf": [_is_of(kind) for kind in FOREIGN]}, True),
            (has_only(sorted(BLOCKS)), ref("BlockBeside")),
        ],
        ref("PluginNode"),
    )
    return {"type": "object", "allOf": [kind]}


def _is_of(kind: str) -> Schema:
    """A node of a kind, and not one with a child that is called like it."""
    called_like_it = {"anyOf": [{"type": "object", **has_any(INTENTS)}, node_of(kind)]}
    alone: Schema = {"maxProperties": 1}
    surely: Schema = {"properties": {kind: {"not": ref("ChildLike")}}}
    only = {
        "not": has_any(sorted(KINDS - {kind})),
        "properties": {kind: {"not": called_like_it}},
    }
    return {"required": [kind], "anyOf": [alone, surely, only]}


def _candys_candies() -> Schema:
    """The block of a candy that is called like its kind, beside it."""
    is_list: Schema = {"properties": {CANDY: {"type": "array"}}}
    return {"type": "object", **has_only([CANDY]), **is_list}


def _vm_node(names: Names) -> Schema:
    def with_key(key: str) -> Schema:
        return {"properties": {VM: {"type": "object", "required": [key]}}}

    def deploy(body: Schema) -> Schema:
        return _of_kind(VM, body, "DeployChild", DEPLOY_BLOCKS)

    agent: Schema = {
        "properties": {
            VM: {
                "type": "object",
                "properties": {"agent_provisioned": {"const": True}, "libvirt": False},
                "required": ["agent_provisioned"],
            }
        }
    }
    return {
        "allOf": [
            chain(
                [
                    ({"properties": {VM: {"type": "string"}}}, deploy({"minLength": 1})),
                    (with_key("from"), deploy(ref(names[Deploy]))),
                    (
                        with_key("source"),
                        _of_kind(VM, ref(names[VmEntity]), "EntityChild", ENTITY_BLOCKS),
                    ),
                    (agent, True),
                ],
                {"properties": {VM: False}},
            )
        ]
    }


def _candy_node(names: Names) -> Schema:
    """A layer, or an image, which is closed against what makes a VM."""
    is_image: Schema = {"properties": {CANDY: {"type": "object", **has_any(IMAGE_KEYS)}}}
    image: Schema = {
        "properties": {
            **dict.fromkeys(sorted(KINDS | {"libvirt"}), ref("ChildLike")),
            CANDY: {"properties": dict.fromkeys(NEEDS_MIGRATION, False)},
        },
        "additionalProperties": {"not": {"type": "object", "required": ["libvirt"]}},
    }
    body = {"allOf": [ref(names[Candy]), {"properties": {VM: False}}]}
    layer = _of_kind(CANDY, body, "CandyChild", CANDY_BLOCKS)
    return {"if": is_image, "then": image, "else": layer}


def _of_kind(kind: str, body: Schema, child: str, blocks: Sequence[str]) -> Schema:
    """A node of one kind. A child that is called like a kind or a block has to be one surely."""
    names = sorted({*KINDS, *blocks} - {kind})
    sure = {"allOf": [ref("ChildLike"), ref(child)]}
    return {
        "properties": {kind: body, **dict.fromkeys(names, sure)},
        "additionalProperties": ref(child),
    }
