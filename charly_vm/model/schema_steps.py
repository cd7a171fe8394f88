"""The JSON Schema of steps, in each of their spellings, from the schemas of the verbs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from charly_vm.model.readers.steps import PLUGIN, PLUGIN_INPUT
from charly_vm.model.schema_rules import Schema, has_any, ref
from charly_vm.model.spelling import misspelling_pattern
from charly_vm.model.step import FOREIGN_INTENTS, INTENTS, PLURALS
from charly_vm.model.verbs import ARGUMENTS, FOREIGN_VERBS, VERBS

WITH_VERB = ("check", "run")
PROSE: Schema = {"type": ["string", "number"], "pattern": r"\S"}


def step_definitions(verbs: Mapping[str, Schema], modifiers: Schema) -> Schema:
    """`Step`, `Plan`, and the arguments of each verb in a mapping.

    `verbs` has the schema of each verb's arguments by its name.
    """
    beside = _with_plurals(modifiers["properties"])
    names = sorted({*beside, *WITH_VERB})
    ours = {
        "anyOf": [
            *has_any(VERBS)["anyOf"],
            {"properties": {PLUGIN: {"enum": list(VERBS)}}, "required": [PLUGIN]},
        ]
    }
    each = [rule for name, schema in verbs.items() for rule in _for_verb(name, schema, names)]
    verb: Schema = {
        "properties": {PLUGIN: {"type": "string"}},
        "if": ours,
        "then": {"allOf": [ref("Modifiers"), *each]},
        "else": {
            "if": has_any((*sorted(FOREIGN_VERBS), PLUGIN)),
            "then": True,
            "else": _unknown_verb(names),
        },
    }
    include = {"propertyNames": {"enum": sorted({*beside, "include"})}, **ref("Modifiers")}
    intents = [
        {"required": [one], "not": has_any(other for other in INTENTS if other != one)}
        for one in INTENTS
    ]
    step: Schema = {
        "description": f"One of {', '.join(INTENTS)} ({', '.join(FOREIGN_INTENTS)} are kept).",
        "type": "object",
        "properties": dict.fromkeys(INTENTS, PROSE),
        "anyOf": intents,
        "allOf": [
            {"if": has_any(WITH_VERB), "then": verb},
            {"if": {"required": ["include"]}, "then": include},
        ],
    }
    return {
        "Modifiers": {"type": "object", "properties": beside},
        "Plan": {"type": "array", "items": ref("Step")},
        "Step": step,
        **{_definition(name): _arguments(name, schema) for name, schema in verbs.items()},
    }


def _definition(verb: str) -> str:
    return f"verb-{verb}"


def _arguments(name: str, schema: Schema) -> Schema:
    """All arguments in one mapping; of the required ones all but the main may stand beside it."""
    main = VERBS[name].main
    return {
        **schema,
        "properties": _with_plurals(schema["properties"]) | {name: schema["properties"][main]},
        "required": [],
        "anyOf": [{"required": [key]} for key in sorted({main, name})],
    }


def _for_verb(name: str, schema: Schema, names: list[str]) -> Iterator[Schema]:
    """What a verb's presence means for the arguments beside it, and which may stand there."""
    main = VERBS[name].main
    others = {
        key: value for key, value in _with_plurals(schema["properties"]).items() if key != main
    }
    inside = ref(_definition(name))
    scalar_or_mapping = {
        "if": {"type": "object"},
        "then": {"required": [main], **inside},
        "else": schema["properties"][main],
    }
    then: Schema = {
        "properties": {**others, name: scalar_or_mapping},
        "propertyNames": {"enum": sorted({*names, *others, name})},
    }
    required = [key for key in schema.get("required", []) if key != main]
    if required:
        then["if"] = {"properties": {name: {"not": {"type": "object"}}}}
        then["then"] = {"required": required}
    yield {"if": {"required": [name]}, "then": then}
    yield {
        "if": {"properties": {PLUGIN: {"const": name}}, "required": [PLUGIN]},
        "then": {
            "properties": {**others, PLUGIN_INPUT: inside},
            "propertyNames": {"enum": sorted({*names, *others, PLUGIN, PLUGIN_INPUT})},
            "required": [PLUGIN_INPUT],
        },
    }


def _unknown_verb(names: list[str]) -> Schema:
    """A verb that nobody has told us of: a key that is nothing of ours, nor nearly a verb."""
    verbs = [*VERBS, PLUGIN, PLUGIN_INPUT]
    nearly = misspelling_pattern(verbs, (*FOREIGN_VERBS, *names))
    return {
        "propertyNames": {"not": {"pattern": nearly}},
        "not": {"propertyNames": {"enum": sorted({*names, *ARGUMENTS})}},
    }


def _with_plurals(properties: Schema) -> Schema:
    """With the older spellings of the keys that have one."""
    older = {
        plural: properties[key]
        for plural, key in PLURALS.items()
        if key in properties and plural not in properties
    }
    return {**properties, **older}
