"""From a step as written to a `Step`, or to complaints about all that is wrong in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from charly_vm.model.base import show, unknown_key
from charly_vm.model.document import KeyPath
from charly_vm.model.readers.findings import Findings
from charly_vm.model.spelling import find_meant
from charly_vm.model.step import (
    FOREIGN_INTENTS,
    INTENTS,
    NO_MODIFIERS,
    PLURALS,
    Modifiers,
    Step,
)
from charly_vm.model.verbs import ARGUMENTS, FOREIGN_VERBS, VERBS, Verb

MODIFIERS = frozenset(Modifiers.known_keys())
PLUGIN, PLUGIN_INPUT = "plugin", "plugin_input"


@dataclass
class _Parts:
    """A step's keys, sorted out, and where those stand that are not right below it."""

    arguments: dict[str, Any] = field(default_factory=dict)
    modifiers: dict[str, Any] = field(default_factory=dict)
    places: dict[str, KeyPath] = field(default_factory=dict)


def read_plan(written: Any, at: KeyPath, findings: Findings, prefix: str) -> Iterator[Step]:
    """The steps of `plan: []`. One without an `id` is `<prefix>-<its place in the list>`."""
    if not isinstance(written, list):
        findings.complain(at, f"{at[-1]}: has to be a list of steps, not {show(written)}")
        return
    for number, item in enumerate(written):
        if step := read_step(f"{prefix}-{number + 1}", item, (*at, number), findings):
            yield step


def read_step(name: str, written: Any, at: KeyPath, findings: Findings) -> Step | None:
    """One step, called `name` unless it says otherwise; None where it was complained about."""
    if not isinstance(written, Mapping):
        findings.complain(at, f"a step is a mapping, not {show(written)}")
        return None
    before = len(findings.problems)
    intent = _find_intent(written, at, findings)
    if intent is None:
        return None
    prose = _prose(written, intent, at, findings)
    line = findings.document.line(at)
    step = None
    if intent in FOREIGN_INTENTS:
        reason = f"{intent} is an instruction to an AI"
        name = _identifier(written, name)
        step = Step(name, prose, None, findings.file, line, intent, foreign=reason, written=written)
    elif intent == "include":
        modifiers = _include(written, at, findings)
        step = Step(modifiers.id or name, prose, None, findings.file, line, intent, modifiers)
    else:
        step = _with_verb(name, prose, intent, written, at, findings)
    if step is None or len(findings.problems) > before:
        return None
    return step


def _find_intent(written: Mapping[str, Any], at: KeyPath, findings: Findings) -> str | None:
    intents = [intent for intent in INTENTS if intent in written]
    if len(intents) == 1:
        return intents[0]
    if intents:
        findings.complain((*at, intents[1]), f"{' and '.join(intents)} exclude each other")
        return None
    for key in written:
        if find_meant(key, INTENTS):
            findings.complain((*at, key), unknown_key(key, INTENTS))
            return None
    findings.complain(at, f"a step says what it is for: one of {', '.join(INTENTS)}")
    return None


def _prose(written: Mapping[str, Any], intent: str, at: KeyPath, findings: Findings) -> str:
    prose = written[intent]
    if isinstance(prose, str) and prose.strip():
        return prose
    if isinstance(prose, int | float) and not isinstance(prose, bool):
        return findings.document.written((*at, intent)) or str(prose)
    findings.complain((*at, intent), f"{intent}: is text for people, not {show(prose)}")
    return ""


def _include(written: Mapping[str, Any], at: KeyPath, findings: Findings) -> Modifiers:
    parts = _sort_out(written, ("include",), (), at, findings)
    return _modifiers(parts, at, findings) or NO_MODIFIERS


def _modifiers(parts: _Parts, at: KeyPath, findings: Findings) -> Modifiers | None:
    if not parts.modifiers:
        return NO_MODIFIERS
    return findings.validate(Modifiers, parts.modifiers, at, parts.places)


def _with_verb(
    name: str,
    prose: str,
    intent: str,
    written: Mapping[str, Any],
    at: KeyPath,
    findings: Findings,
) -> Step | None:
    line = findings.document.line(at)
    verb_name = _find_verb(written, intent, at, findings)
    if verb_name is None:
        return None
    if verb_name not in VERBS:
        return Step(
            _identifier(written, name),
            prose,
            None,
            findings.file,
            line,
            intent,
            foreign=f"the verb {verb_name} is not one of ours",
            written=written,
        )
    model = VERBS[verb_name]
    apart = (intent, verb_name, PLUGIN, PLUGIN_INPUT)
    beside = [key for key in model.known_keys() if key != model.main]
    parts = _sort_out(written, apart, beside, at, findings)
    _take_argument(model, written, at, parts, findings)
    verb = findings.validate(model, parts.arguments, at, parts.places)
    modifiers = _modifiers(parts, at, findings)
    if verb is None or modifiers is None:
        return None
    return Step(modifiers.id or name, prose, verb, findings.file, line, intent, modifiers)


def _identifier(written: Mapping[str, Any], name: str) -> str:
    identifier = written.get("id")
    return identifier if isinstance(identifier, str) else name


def _find_verb(
    written: Mapping[str, Any], intent: str, at: KeyPath, findings: Findings
) -> str | None:
    """The step's verb, which may be a foreign one."""
    plugin = written.get(PLUGIN)
    verbs = [key for key in written if key in VERBS]
    if plugin is not None and not isinstance(plugin, str):
        findings.complain((*at, PLUGIN), f"plugin: is the name of a verb, not {show(plugin)}")
        return None
    if plugin is not None:
        verbs.append(plugin)
    if len(verbs) == 1:
        return verbs[0]
    if verbs:
        where = (*at, verbs[1]) if verbs[1] in written else (*at, PLUGIN)
        findings.complain(where, f"a step has exactly one verb; here is {' and '.join(verbs)}")
        return None
    unknown = [
        key for key in written if key not in MODIFIERS and key not in PLURALS and key != intent
    ]
    foreign = [key for key in unknown if key in FOREIGN_VERBS]
    return foreign[0] if foreign else _find_foreign(unknown, at, findings)


def _find_foreign(unknown: list[str], at: KeyPath, findings: Findings) -> str | None:
    """A verb that nobody has told us of; a misspelt one of ours is complained about."""
    names = (*VERBS, PLUGIN, PLUGIN_INPUT)
    misspelt = [key for key in unknown if find_meant(key, names)]
    for key in misspelt:
        findings.complain((*at, key), unknown_key(key, names))
    if misspelt:
        return None
    for key in unknown:
        if key not in ARGUMENTS:
            return key
    findings.complain(at, f"a step has exactly one verb; here is none of {', '.join(VERBS)}")
    return None


def _sort_out(
    written: Mapping[str, Any],
    apart: Sequence[str],
    arguments: Sequence[str],
    at: KeyPath,
    findings: Findings,
) -> _Parts:
    """Everything but the keys that are `apart`, as arguments or modifiers."""
    parts = _Parts()
    for key, value in written.items():
        if key in apart:
            continue
        plain = key if key in arguments else PLURALS.get(key, key)
        if plain not in arguments and plain not in MODIFIERS:
            findings.complain((*at, key), unknown_key(key, (*arguments, *MODIFIERS)))
        elif plain in parts.places:
            findings.complain((*at, key), f"{plain} is there already, by another name")
        else:
            parts.places[plain] = (*at, key)
            (parts.arguments if plain in arguments else parts.modifiers)[plain] = value
    return parts


def _take_argument(
    model: type[Verb], written: Mapping[str, Any], at: KeyPath, parts: _Parts, findings: Findings
) -> None:
    """Add what stands behind the verb, or in `plugin_input`, to its arguments."""
    given: Any
    if model.name in written:
        inside, given = (*at, model.name), written[model.name]
        if PLUGIN_INPUT in written:
            findings.complain((*at, PLUGIN_INPUT), "plugin_input: belongs to plugin:")
    else:
        inside, given = (*at, PLUGIN_INPUT), written.get(PLUGIN_INPUT)
        if not isinstance(given, Mapping):
            findings.complain(inside, f"plugin_input: is a mapping, such as {{{model.name}: …}}")
            return
        if model.name in given and model.main != model.name:
            parts.places[model.main] = (*inside, model.name)
            parts.arguments[model.main] = given[model.name]
            given = {key: value for key, value in given.items() if key != model.name}
    if not isinstance(given, Mapping):
        parts.places[model.main] = inside
        parts.arguments[model.main] = given
        return
    for key, value in given.items():
        plain = str(key) if key in model.known_keys() else PLURALS.get(key, str(key))
        if plain in parts.arguments:
            findings.complain((*inside, key), f"{plain} is there already, beside {model.name}")
        else:
            parts.places[plain] = (*inside, key)
            parts.arguments[plain] = value
