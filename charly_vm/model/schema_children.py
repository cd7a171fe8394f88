"""The JSON Schema of a node's children: steps, blocks, and nodes inside it."""

from __future__ import annotations

from collections.abc import Sequence

from charly_vm.model.kinds import BLOCKS, BODY_KEYS, CANDY, KINDS, OURS
from charly_vm.model.readers.steps import MODIFIERS
from charly_vm.model.schema_rules import Schema, chain, has_any, has_only, ref
from charly_vm.model.spelling import REACH, misspelling_pattern
from charly_vm.model.step import INTENTS
from charly_vm.model.verbs import VERBS

NEARLY_OURS = misspelling_pattern(OURS, KINDS, reach=REACH)
"""A kind that is one of ours misspelt."""


def child_definitions(blocks: dict[str, Schema]) -> Schema:
    """One definition per kind of node around it, and what they share.

    `blocks` has the schemas of the keys that may stand in a child, by the definition's name.
    """
    return {
        **{name: _child(known) for name, known in blocks.items()},
        "BlockBeside": _block_beside(list(blocks.values())),
        "ChildLike": _child_like(),
        "LikeBlock": {"pattern": misspelling_pattern(sorted(BLOCKS), KINDS)},
        "PluginChild": _plugin_child(),
        "PluginNode": _plugin_node(),
    }


def _child(blocks: Schema) -> Schema:
    """A step, a block, or a node inside the node."""
    is_block = has_only(key for key in blocks if key != CANDY)
    cases = [
        (has_any(INTENTS), ref("Step")),
        (is_block, {"properties": blocks}),
    ]
    if CANDY in blocks:
        # A candy's list of candies and a candy inside a candy share a word.
        is_list: Schema = {"properties": {CANDY: {"not": {"type": "object"}}}}
        cases.append(({**has_only([CANDY]), **is_list}, {"properties": blocks}))
    cases.append((has_any(sorted(KINDS)), ref("Node")))
    return {"type": "object", "allOf": [chain(cases, ref("PluginChild"))]}


def _plugin_child() -> Schema:
    """A node of a plugin's kind: nothing in it is nearly a word that would make it one of ours."""
    words = {"enum": sorted({*BLOCKS, *VERBS})}
    nearly = {
        "pattern": misspelling_pattern(INTENTS),
    }
    kinds = {"pattern": NEARLY_OURS}
    return {
        **ref("PluginNode"),
        "propertyNames": {"not": {"anyOf": [words, nearly, kinds, ref("LikeBlock")]}},
        "if": {"minProperties": 2},
        "then": {"propertyNames": {"not": {"enum": sorted(MODIFIERS)}}},
    }


def _plugin_node() -> Schema:
    """A node whose kind nobody here has heard of, and which is not one of ours misspelt."""
    bodies = sorted(BODY_KEYS)
    return {
        "not": has_any(INTENTS),
        "if": {"minProperties": 2},
        "then": {
            "properties": dict.fromkeys(bodies, ref("ChildLike")),
            "patternProperties": {NEARLY_OURS: ref("ChildLike")},
            # One of them is the kind, with its body.
            "not": {"additionalProperties": ref("ChildLike")},
        },
        "else": {
            "minProperties": 1,
            "propertyNames": {"not": {"anyOf": [{"pattern": NEARLY_OURS}, {"enum": bodies}]}},
        },
    }


def node_of(kind: str) -> Schema:
    """A mapping that looks like a node of a kind."""
    return {
        "type": "object",
        "required": [kind],
        "properties": {kind: {"not": {"type": "array"}}},
        "additionalProperties": {"type": "object"},
    }


def _child_like() -> Schema:
    """What is surely a child: a step, one block, or a node, all of whose children are mappings."""
    nodes = [node_of(kind) for kind in sorted(KINDS)]
    return {
        "type": "object",
        "anyOf": [*has_any(INTENTS)["anyOf"], has_only(sorted(BLOCKS)), *nodes],
    }


def _block_beside(kinds: Sequence[Schema]) -> Schema:
    """A block beside its node, whose kind is not seen from here."""
    blocks: dict[str, list[Schema]] = {}
    for properties in kinds:
        for key, schema in properties.items():
            if schema not in blocks.setdefault(key, []):
                blocks[key].append(schema)
    return {"properties": {key: {"anyOf": any_} for key, any_ in sorted(blocks.items())}}
