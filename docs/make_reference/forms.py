"""From an annotation to how people write such a value: "size, `8G`", "list of text".

A type alias with a docstring is written as its first sentence says; what the docstring says beyond
it stands once on the page.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import annotated_types
from pydantic.fields import FieldInfo

from charly_vm.model.base import Model
from charly_vm.model.form import Form
from charly_vm.model.libvirt.devices.notation import Short
from make_reference.markdown import any_of, code
from make_reference.sources import (
    Assigned,
    Written,
    attributes_of,
    first_sentence,
    input_type,
    look_up,
)

PLAIN = {
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "`true` or `false`",
    "Any": "anything",
}
UNCOUNTED = ("text", "anything", "XML")
ONE_OR_LIST = "Several"
"""The alias whose member may stand without its list."""

Link = Callable[[type[Model], str], str]
"""From a model, and what distinguishes it among several, to a link to its section."""


class Forms:
    """Finds the words. Notes which aliases have more to say, and which models come up."""

    def __init__(self, link: Link, known: Mapping[str, str]) -> None:
        self._link = link
        self._known = known
        """By the names of aliases, words for those that have a section of their own."""
        self.explained: dict[str, str] = {}
        """By the first sentence of an alias, the rest of its docstring."""
        self._met = 0
        """How many models have come up."""

    def of(self, written: Written) -> str:
        """The words for an annotation; empty for None."""
        node = written.node
        if isinstance(node, ast.BinOp):
            sides = [self.of(written.at(node.left)), self.of(written.at(node.right))]
            return ", or ".join(dict.fromkeys(filter(None, sides)))
        if isinstance(node, ast.Name):
            return self._of_name(node.id, written)
        if isinstance(node, ast.Subscript):
            return self._of_subscript(node, written)
        assert isinstance(node, ast.Constant), ast.dump(node)
        return ""

    def narrowed(self, words: str, limits: Iterable[Any]) -> str:
        """The words with a field's own limits."""
        return _limited(words, [limit for one in limits for limit in _limits_in(one)])

    def _of_name(self, name: str, written: Written) -> str:
        if name in PLAIN:
            return PLAIN[name]
        if alias := look_up(name, written.module):
            return self._of_alias(alias)
        model = getattr(importlib.import_module(written.module), name)
        return self._of_model(model, "")

    def _of_alias(self, alias: Assigned) -> str:
        assert alias.value is not None
        if alias.name in self._known:
            return self._known[alias.name]
        met, whole = self._met, self.of(alias.value)
        if not alias.doc or self._met > met:
            return whole
        said = first_sentence(alias.doc)
        words = _without_article(said.removesuffix("."))
        if rest := alias.doc.removeprefix(said).strip():
            self.explained.setdefault(words, rest)
        return words

    def _of_model(self, model: type[Model], which: str) -> str:
        self._met += 1
        if not issubclass(model, Short):
            return self._link(model, which)
        key = model.short_for
        if not is_inline(model):
            return f"{self._link(model, which)}, or its `{key}` alone"
        annotation = attributes_of(model)[key].annotation
        assert annotation is not None
        limits = model.model_fields[key].metadata
        return f"{self.narrowed(self.of(annotation), limits)}; or `{{{key}: …}}`"

    def _of_subscript(self, node: ast.Subscript, written: Written) -> str:
        assert isinstance(node.value, ast.Name)
        inside = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        match node.value.id:
            case "Literal":
                values = [written.at(one).value() for one in inside]
                return any_of([code(value) for value in values if value != ""])
            case "Annotated":
                return self._of_annotated(inside, written)
            case "tuple" | "list":
                words = self.of(written.at(inside[0]))
                return "list" if words == PLAIN["Any"] else f"list of {_plural(words)}"
            case "dict" | "Mapping":
                words = self.of(written.at(inside[1]))
                return "mapping" if words == PLAIN["Any"] else f"mapping of names to {words}"
            case name if name == ONE_OR_LIST:
                return f"one or a list of {_plural(self.of(written.at(inside[0])))}"
        raise NotImplementedError(ast.unparse(node))

    def _of_annotated(self, inside: Sequence[ast.expr], written: Written) -> str:
        first, limits = written.at(inside[0]), []
        for node in inside[1:]:
            taken = input_type(node) if isinstance(node, ast.Call) else None
            if taken is not None:
                return self.of(written.at(taken))
            one = written.at(node).value()
            if isinstance(one, Form):
                return _without_article(one.meaning)
            if isinstance(one, FieldInfo) and one.discriminator:
                return self._by_kind(first, str(one.discriminator))
            limits.append(one)
        return self.narrowed(self.of(first), limits)

    def _by_kind(self, union: Written, key: str) -> str:
        """Several models, which one key tells apart."""
        models = []
        for name in _members(union.node):
            model: type[Model] = getattr(importlib.import_module(union.module), name)
            annotation = attributes_of(model)[key].annotation
            assert annotation is not None
            models.append(self._of_model(model, self.of(annotation).strip("`")))
        return f"{any_of(list(dict.fromkeys(models)))}, by its `{key}`"


def is_inline(model: type[Model]) -> bool:
    """Whether a model is so small that its only key can stand for it."""
    return issubclass(model, Short) and len(model.model_fields) == 1


def _plural(words: str) -> str:
    """Of words that begin with what can be counted: "port forwards, `8080:80`"."""
    found = re.match(r"[A-Za-z -]*?[A-Za-z](?= of | from | in |[,:;]|$)", words)
    if found is None or found[0] in UNCOUNTED or found[0].endswith("s"):
        return words
    return f"{found[0]}s{words[found.end() :]}"


def _members(node: ast.expr) -> list[str]:
    if isinstance(node, ast.BinOp):
        return _members(node.left) + _members(node.right)
    assert isinstance(node, ast.Name)
    return [node.id]


def _limits_in(one: Any) -> list[Any]:
    return list(one.metadata) if isinstance(one, FieldInfo) else [one]


def _limited(words: str, limits: Sequence[Any]) -> str:
    low = high = longest = None
    for one in limits:
        if isinstance(one, annotated_types.Ge):
            low = one.ge
        elif isinstance(one, annotated_types.Le):
            high = one.le
        elif isinstance(one, annotated_types.Lt):
            high = cast(int, one.lt) - 1
        elif isinstance(one, annotated_types.MaxLen):
            longest = one.max_length
    if words == PLAIN["str"] and longest is not None:
        return f"text of at most {longest} characters"
    if words != PLAIN["int"] or low is None:
        return words
    return f"number from {low} to {high}" if high is not None else f"number from {low}"


def _without_article(words: str) -> str:
    words = re.sub(r"^(A|An|The|a|an|the) ", "", words)
    begins = words.split(" ")[0]
    return words if not begins[1:].islower() else begins.lower() + words[len(begins) :]
