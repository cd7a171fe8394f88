"""The children of a node: blocks of its body, steps, and nodes inside it.

A child is `<free name>: {<key>: …}` inside its node; a block may also stand beside it at the top of
the file, called `<node>-<key>`. Their order in the file is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from charly_vm.model.base import show, unknown_key
from charly_vm.model.document import KeyPath
from charly_vm.model.kinds import BLOCKS, CANDY, DEPLOY_BLOCKS, KINDS, OURS
from charly_vm.model.readers.findings import Findings
from charly_vm.model.readers.steps import MODIFIERS, read_plan, read_step
from charly_vm.model.readers.written import Child, Written
from charly_vm.model.spelling import REACH, find_meant, suggestion
from charly_vm.model.step import INTENTS, Step
from charly_vm.model.verbs import VERBS

SAYS_WHAT_FOR = f"a step says what it is for: one of {', '.join(INTENTS)}"


@dataclass
class Children:
    """What a node's children are, with its body's own plan among the steps."""

    blocks: dict[str, Any] = field(default_factory=dict)
    places: dict[str, KeyPath] = field(default_factory=dict)
    """Where the content of each block stands."""
    steps: list[Step] = field(default_factory=list)
    nodes: list[Child] = field(default_factory=list)


def read_children(
    node: Written,
    body: Mapping[str, Any],
    known: Sequence[str],
    what: str,
    findings: Findings,
) -> Children:
    """Sort out the children of a node whose body may have these blocks in children of their own.

    `what` names the kind in complaints: a deploy, a candy.
    """
    reader = _Reader(node, body, known, what, findings)
    reader.read()
    return reader.found


@dataclass
class _Reader:
    node: Written
    body: Mapping[str, Any]
    known: Sequence[str]
    what: str
    findings: Findings
    found: Children = field(default_factory=Children)

    def read(self) -> None:
        if "plan" in self.body and "plan" in self.known:
            self._add_plan(self.body["plan"], (*self.node.inside, "plan"))
        for child in self.node.children():
            self._read(child)
        self._refuse_same_names()

    def _read(self, child: Child) -> None:
        value = child.value
        if not isinstance(value, Mapping):
            self._complain_about_scalar(child)
        elif not set(INTENTS).isdisjoint(value):
            if step := read_step(child.name, value, child.at, self.findings):
                self.found.steps.append(step)
        elif len(value) == 1 and self._is_block(*next(iter(value.items()))):
            self._add_block(child, next(iter(value)))
        elif not KINDS.isdisjoint(value) or _may_be_foreign(child, self):
            self.found.nodes.append(child)

    def _is_block(self, key: str, value: object) -> bool:
        # A candy's list of candies and a candy inside a candy share a word.
        return key in self.known and not (key == CANDY and isinstance(value, Mapping))

    def _add_block(self, child: Child, key: str) -> None:
        inside = (*child.at, key)
        earlier = self.found.places.get(key)
        if key in self.body:
            earlier = (*self.node.inside, key)
        if earlier is not None:
            line = self.findings.document.line(earlier)
            self.findings.complain(inside, f"{key} is there already, in line {line}")
            return
        self.found.blocks[key] = child.value[key]
        self.found.places[key] = inside
        if key == "plan":
            self._add_plan(child.value[key], inside)

    def _add_plan(self, plan: Any, at: KeyPath) -> None:
        if isinstance(plan, list):
            # A deploy runs its entity's and its candies' steps beside its own.
            prefix = "step" if self.known is DEPLOY_BLOCKS else self.node.name
            self.found.steps += read_plan(plan, at, self.findings, prefix)

    def _refuse_same_names(self) -> None:
        lines: dict[str, int] = {}
        for step in self.found.steps:
            if step.id in lines:
                text = f"a step called {step.id!r} is there already, in line {lines[step.id]}"
                self.findings.complain_in_line(step.line, text)
            lines.setdefault(step.id, step.line)

    def _complain_about_scalar(self, child: Child) -> None:
        if child.name in self.known:
            text = f"{child.name}: belongs into the body, or into a child: {{{child.name}: …}}"
        else:
            near = suggestion(child.name, self.known)
            text = f"{child.name}: a child is a mapping, not {show(child.value)}{near}"
        self.findings.complain(child.at, text)


def _may_be_foreign(child: Child, reader: _Reader) -> bool:
    """Whether a mapping without a word that says what it is can be a node of a plugin's kind.

    Complains where it is rather a misspelt step, block or node.
    """
    for key in child.value:
        if text := _find_fault(key, child, reader):
            reader.findings.complain((*child.at, key), text)
            return False
    if not child.value:
        text = "a child says what it is"
    elif len(child.value) > 1 and not BLOCKS.isdisjoint(child.value):
        text = "a block is alone in its child"
    elif any(key in VERBS for key in child.value):
        text = SAYS_WHAT_FOR
    elif child.name in reader.known:
        text = f"is written as a child: <name>: {{{child.name}: …}}"
    elif len(child.value) > 1 and not MODIFIERS.isdisjoint(child.value):
        text = "is neither a block nor a node, and " + SAYS_WHAT_FOR
    else:
        return True
    reader.findings.complain(child.at, f"{child.name}: {text}")
    return False


def _find_fault(key: str, child: Child, reader: _Reader) -> str:
    """What is wrong with one key of a mapping that is no step and no known kind of node."""
    if meant := find_meant(key, INTENTS):
        return f"unknown key {key!r}; did you mean {meant!r}?"
    if child.name in reader.known:
        return ""
    if key in BLOCKS and len(child.value) == 1:
        return f"{key}: has no meaning in {reader.what}"
    if find_meant(key, BLOCKS) or find_meant(key, OURS, reach=REACH):
        return unknown_key(key, (*reader.known, *OURS, *INTENTS))
    return ""
