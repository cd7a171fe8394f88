"""What the source says that a running program has forgotten: docstrings of attributes and of type
aliases, annotations and defaults as they are written. Modules are parsed, each once."""

from __future__ import annotations

import ast
import copy
import functools
import importlib
import importlib.util
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Written:
    """An expression, with the module whose names it uses."""

    node: ast.expr
    module: str

    def at(self, node: ast.expr) -> Written:
        """A part of it."""
        return Written(node, self.module)

    def value(self) -> Any:
        """What it evaluates to."""
        code = compile(ast.Expression(self.node), self.module, "eval")
        return eval(code, vars(importlib.import_module(self.module)))


@dataclass(frozen=True)
class Assigned:
    """A name at the top of a module, or in a class: its value or annotation, and its docstring."""

    name: str
    annotation: Written | None
    value: Written | None
    doc: str


@functools.cache
def parse(module: str) -> ast.Module:
    """The tree of a module, which is not imported for it."""
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return ast.parse(Path(spec.origin).read_text(encoding="utf-8"))


@functools.cache
def names_of(module: str) -> Mapping[str, Assigned]:
    """What is assigned at the top of a module."""
    return _assigned(parse(module).body, module)


@functools.cache
def imports_of(module: str) -> Mapping[str, str]:
    """From a name to the module that it is imported from."""
    return {
        alias.asname or alias.name: node.module or ""
        for node in ast.walk(parse(module))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


@functools.cache
def find_class(module: str, name: str) -> ast.ClassDef:
    return next(
        node for node in parse(module).body if isinstance(node, ast.ClassDef) and node.name == name
    )


@functools.cache
def attributes_of(cls: type) -> Mapping[str, Assigned]:
    """The annotated attributes of a class, those of its bases included."""
    found: dict[str, Assigned] = {}
    for one in reversed(cls.__mro__):
        if one.__module__.startswith(("charly_vm", "pytest_charly")):
            tree = find_class(one.__module__, one.__name__)
            found |= _assigned(tree.body, one.__module__)
    return found


@functools.cache
def input_types_of(cls: type) -> Mapping[str, Written]:
    """By attribute, the `json_schema_input_type` of a validator that takes more than its type."""
    found: dict[str, Written] = {}
    for one in cls.__mro__:
        if not one.__module__.startswith("charly_vm"):
            continue
        for node in find_class(one.__module__, one.__name__).body:
            for call in node.decorator_list if isinstance(node, ast.FunctionDef) else ():
                if isinstance(call, ast.Call) and (taken := input_type(call)):
                    names = [arg.value for arg in call.args if isinstance(arg, ast.Constant)]
                    found |= {str(name): Written(taken, one.__module__) for name in names}
    return found


def input_type(call: ast.Call) -> ast.expr | None:
    """What a pydantic validator says that it takes."""
    words = {word.arg: word.value for word in call.keywords}
    return words.get("json_schema_input_type")


def look_up(name: str, module: str) -> Assigned | None:
    """A type alias by its name in a module, wherever it is defined; None for anything else."""
    if name in names_of(module):
        return names_of(module)[name]
    origin = imports_of(module).get(name, "")
    return look_up(name, origin) if origin.startswith("charly_vm") else None


@dataclass(frozen=True)
class Member:
    """A public method, property or field of a class."""

    signature: str
    """As it is called or read."""
    doc: str


def members_of(module: str, name: str) -> list[Member]:
    """Those of a class that have a docstring, in their order."""
    tree = find_class(module, name)
    found = [
        Member(name, one.doc)
        for name, one in _assigned(tree.body, module).items()
        if one.annotation and not name.startswith("_")
    ]
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            found.append(Member(_signature(node, module), ast.get_docstring(node) or ""))
    return [member for member in found if member.doc]


def flat(doc: str) -> str:
    """A docstring as one line."""
    return " ".join(doc.split())


def first_sentence(text: str) -> str:
    """Up to the first full stop that ends a sentence; the whole where there is none."""
    head, stop, _ = text.partition(". ")
    return head + stop.strip() if stop else text


def _assigned(body: Sequence[ast.stmt], module: str) -> dict[str, Assigned]:
    found = {}
    for node, behind in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name, annotation = node.target.id, Written(node.annotation, module)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name, annotation = node.targets[0].id, None
        else:
            continue
        value = Written(node.value, module) if node.value else None
        found[name] = Assigned(name, annotation, value, _docstring(behind))
    return found


def _docstring(node: ast.stmt | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return flat(inspect.cleandoc(str(node.value.value)))
    return ""


def _signature(node: ast.FunctionDef, module: str) -> str:
    """How it is called: without types, and with the values of defaults that have a name."""
    decorators = {one.id for one in node.decorator_list if isinstance(one, ast.Name)}
    if decorators & {"property", "cached_property"}:
        return node.name
    arguments = copy.deepcopy(node.args)
    for argument in ast.walk(arguments):
        if isinstance(argument, ast.arg):
            argument.annotation = None
    for defaults in (arguments.defaults, arguments.kw_defaults):
        defaults[:] = [_constant(one, module) for one in defaults]
    words = ast.unparse(arguments).removeprefix("self").removeprefix(", ")
    return f"{node.name}({words})"


def _constant(node: ast.expr | None, module: str) -> Any:
    named = look_up(node.id, module) if isinstance(node, ast.Name) else None
    return named.value.node if named and named.value else node
