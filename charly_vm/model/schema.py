"""The JSON Schema of a charly.yml (draft 2020-12), made from the models that read it.

What it cannot say: whether a name refers to something, and whether a block beside a node belongs
to one. Everything else that is refused at load is refused by it, misspelt keys first of all.
"""

from __future__ import annotations

import re
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema
from pydantic_core import core_schema

from charly_vm.model.base import DEFINED, Model
from charly_vm.model.candy import Candy
from charly_vm.model.deploy import Deploy
from charly_vm.model.directives import Directives
from charly_vm.model.entity import VmEntity
from charly_vm.model.group import Group
from charly_vm.model.libvirt import LibvirtDomain
from charly_vm.model.matchers import MATCHER_SCHEMA
from charly_vm.model.resource import HostResource
from charly_vm.model.schema_nodes import node_definitions, render_top
from charly_vm.model.schema_rules import Schema
from charly_vm.model.schema_steps import step_definitions
from charly_vm.model.step import Modifiers
from charly_vm.model.verbs import VERBS

DRAFT = "https://json-schema.org/draft/2020-12/schema"

MODELS: tuple[type[Model], ...] = (
    *(VmEntity, LibvirtDomain, Deploy, Group, Candy, HostResource, Directives, Modifiers),
    *VERBS.values(),
)

TEXT = ["string", "number"]

NUMBERS_AS_TEXT = ("7", "644", "2224", "1.5", "10")
"""Numbers that a pattern for text may allow, since a number is read as it is written."""


class _Generator(GenerateJsonSchema):
    """pydantic's, where our reading is more lenient than the type says."""

    def str_schema(self, schema: core_schema.StringSchema) -> Schema:
        """A number where text is meant is text, as it is written."""
        made = super().str_schema(schema)
        if not schema.get("strict"):
            made["type"] = TEXT
        return made

    def bool_schema(self, schema: core_schema.BoolSchema) -> Schema:
        """pydantic takes words for booleans, unless told to be strict."""
        if schema.get("strict"):
            return super().bool_schema(schema)
        words = ("true", "false", "yes", "no", "on", "off", "1", "0", "t", "f", "y", "n")
        spelt = [one for word in words for one in {word, word.title(), word.upper()}]
        return {"enum": [True, False, 0, 1, *sorted(spelt)]}

    def int_schema(self, schema: core_schema.IntSchema) -> Schema:
        """pydantic takes text for whole numbers, unless told to be strict."""
        made = super().int_schema(schema)
        if schema.get("strict"):
            return made
        return {"anyOf": [made, {"type": "string", "pattern": "^[-+]?[0-9]+$"}]}

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> Schema:
        """Without the default, which is often a value that nobody can write."""
        return self.generate_inner(schema["schema"])


def render_schema() -> Schema:
    """The whole schema. Pure; takes a moment, since every model takes part."""
    mode: JsonSchemaMode = "validation"
    references, made = models_json_schema(
        [(model, mode) for model in MODELS],
        ref_template="#/$defs/{model}",
        schema_generator=_Generator,
    )
    definitions: Schema = _tidied(made["$defs"])
    names = {model: references[model, mode]["$ref"].rpartition("/")[2] for model in MODELS}
    definitions["Matcher"] = MATCHER_SCHEMA
    definitions |= step_definitions(
        {name: definitions.pop(names[verb]) for name, verb in VERBS.items()},
        definitions[names[Modifiers]],
    )
    definitions |= node_definitions(definitions, names)
    top = render_top(definitions.pop(names[Directives]), names)
    used = sorted(_references(top, definitions, set()))
    return {
        "$schema": DRAFT,
        "title": "charly.yml",
        **top,
        "$defs": {name: definitions[name] for name in used},
    }


def _references(schema: Any, definitions: Schema, found: set[str]) -> set[str]:
    """The names of all definitions that a schema leads to."""
    for inner in schema if isinstance(schema, list) else ():
        _references(inner, definitions, found)
    for key, inner in schema.items() if isinstance(schema, dict) else ():
        if key != "$ref" or not isinstance(inner, str):
            _references(inner, definitions, found)
        elif (name := inner.removeprefix("#/$defs/")) not in found:
            found.add(name)
            _references(definitions[name], definitions, found)
    return found


def _tidied(schema: Any) -> Any:
    """Without pydantic's titles, and with references where fields say what they are defined as."""
    if isinstance(schema, list):
        return [_tidied(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if DEFINED in schema:
        return {"$ref": f"#/$defs/{schema[DEFINED]}"}
    if schema.get("type") == TEXT and _refuses_numbers(schema.get("pattern")):
        schema = {**schema, "type": "string"}
    return {
        key: _tidied(value)
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str)) and not (key == "allOf" and not value)
    }


def _refuses_numbers(pattern: Any) -> bool:
    """Whether no number looks like what a pattern wants; the pattern itself never sees one."""
    return isinstance(pattern, str) and not any(
        re.search(pattern, number) for number in NUMBERS_AS_TEXT
    )
