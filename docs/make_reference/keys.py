"""The keys of a model as an author meets them: name, form, default, meaning."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic.fields import FieldInfo

from charly_vm.model.base import Model
from charly_vm.model.libvirt.devices.notation import Short, Typed
from charly_vm.model.matchers import Condition
from make_reference.forms import Forms
from make_reference.markdown import any_of, code
from make_reference.sources import (
    Assigned,
    Written,
    attributes_of,
    first_sentence,
    flat,
    input_types_of,
)

REQUIRED = "required"


@dataclass(frozen=True)
class Key:
    """One row of a table."""

    name: str
    form: str
    default: str
    """Empty for nothing."""
    meaning: str

    @property
    def row(self) -> Sequence[str]:
        return (code(self.name), self.form, self.default, self.meaning)


HEAD = ("key", "form", "default", "meaning")


def keys_of(
    model: type[Model], forms: Forms, notes: Mapping[str, str], *, first: str = ""
) -> list[Key]:
    """All keys of a model: the one called `first`, those that are required, the others.

    `notes` are added to the meanings, by key.
    """
    found = []
    for name, field in model.model_fields.items():
        attribute, written = attributes_of(model)[name], field.alias or name
        meaning = [attribute.doc or _meaning_of_value(field), _types(model, name)]
        found.append(
            Key(
                written,
                form_of(model, name, forms),
                _default(attribute, field),
                " ".join(filter(None, [*meaning, notes.get(written, "")])),
            )
        )
    typed_by = model.typed_by if issubclass(model, Typed) else first
    return sorted(
        found, key=lambda key: (key.name not in (first, typed_by), key.default != REQUIRED)
    )


def form_of(model: type[Model], name: str, forms: Forms) -> str:
    """How the value of one field is written."""
    annotation = input_types_of(model).get(name, attributes_of(model)[name].annotation)
    assert annotation is not None
    return forms.narrowed(forms.of(annotation), model.model_fields[name].metadata)


def inside_rules(model: type[Model]) -> str:
    """What a type decides about keys further inside, and what it cannot be without."""
    if not issubclass(model, Typed):
        return ""
    by = code(model.typed_by)
    inside: dict[tuple[str, ...], list[str]] = {}
    for key, types in model.only.items():
        if "." in key:
            inside.setdefault(tuple(types), []).append(code(key))
    lines = [
        f"- With {by} {any_of([code(one) for one in types])} alone: {', '.join(keys)}."
        if types
        else f"- Without a meaning here: {', '.join(keys)}."
        for types, keys in inside.items()
    ]
    needs: dict[str, list[str]] = {}
    for kind, keys in model.needs.items():
        if keys:
            needed = any_of([code(key) for key in keys], last="and")
            needs.setdefault(needed, []).append(code(kind))
    lines += [f"- {by} {any_of(kinds)} needs {keys}." for keys, kinds in needs.items()]
    return "\n".join(lines)


def doc_of(model: type[Model]) -> str:
    """A model's own docstring, as one paragraph or several."""
    own: str = vars(model).get("__doc__") or ""
    return "\n\n".join(flat(part) for part in own.split("\n\n"))


def _meaning_of_value(field: FieldInfo) -> str:
    """What the model behind a key says of itself, where it is of one model."""
    types = (field.annotation, *getattr(field.annotation, "__args__", ()))
    models = [one for one in types if isinstance(one, type) and issubclass(one, Model)]
    return first_sentence(doc_of(models[0]).partition("\n\n")[0]) if len(models) == 1 else ""


def _types(model: type[Model], name: str) -> str:
    types = model.only.get(name, ()) if issubclass(model, Typed) else ()
    if not types or not issubclass(model, Typed):
        return ""
    return f"With {code(model.typed_by)} {any_of([code(one) for one in types])}."


def _default(attribute: Assigned, field: FieldInfo) -> str:
    if field.is_required():
        return REQUIRED
    literal = _parsed_literal(attribute.value)
    if literal is not None:
        return code(literal)
    if isinstance(field.default_factory, type):
        # A model with its own defaults, a list or a mapping.
        return ""
    shown = _shown(field.get_default(call_default_factory=True))
    return code(shown) if shown else ""


def _parsed_literal(written: Written | None) -> str | None:
    """Of `parse_size("4G")`, the text."""
    node = written.node if written else None
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        argument = node.args[0] if node.args else None
        if node.func.id.startswith("parse_") and isinstance(argument, ast.Constant):
            return str(argument.value)
    return None


def _shown(value: Any) -> str:
    """A default as it would be written; empty for nothing."""
    if value is None or value == () or value == "" or value in ([], {}):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Short) and value.model_fields_set == {value.short_for}:
        return _shown(getattr(value, value.short_for))
    if isinstance(value, Model):
        inside = {key: _shown(getattr(value, key)) for key in sorted(value.model_fields_set)}
        return f"{{{', '.join(f'{key}: {one}' for key, one in inside.items())}}}" if inside else ""
    if isinstance(value, tuple):
        return ", ".join(_shown(one) for one in value)
    if isinstance(value, Condition):
        return str(value.value)
    return str(value)
