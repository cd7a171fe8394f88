"""The variables of steps, `${NAME}`: which there are, and a step with their values in place. Pure.

What is not one of ours belongs to the shell and stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from charly_vm.model.matchers import Condition
from charly_vm.model.verbs import Verb

OURS = ("DEPLOY_NAME", "VM_HOSTDEV_COUNT", "INSTANCE", "USER", "HOME", "CHARLY_BIN")
"""Besides those that name a port or a member."""

_FORM = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<rest>(?::[^{}\s]*)?)\}")
_PLACES = ("HOST_PORT", "HOST")

Lookup = Callable[[str, str], str | None]
"""From a name and what stands behind its colon to the value; None for what is not ours."""


def substitute(text: str, lookup: Lookup) -> str:
    """`text` with every variable that `lookup` knows replaced."""

    def value(found: re.Match[str]) -> str:
        known = lookup(found["name"], found["rest"].removeprefix(":"))
        return found[0] if known is None else known

    return _FORM.sub(value, text)


def substitute_verb(verb: Verb, lookup: Lookup) -> Verb:
    """The verb with its variables replaced, in all of its texts and in what they have to match."""
    changed = {}
    # What a probe takes beside the verb's own may be called like anything of the model itself.
    fields = {name: getattr(verb, name) for name in type(verb).model_fields}
    for name, before in {**fields, **(verb.model_extra or {})}.items():
        after = _substitute(before, lookup)
        if after != before:
            changed[name] = after
    return verb.model_copy(update=changed) if changed else verb


def names_in(verb: Verb) -> set[str]:
    """The names of all that looks like a variable in a verb, whether it is one of ours or not."""
    found: set[str] = set()

    def note(name: str, _: str) -> None:
        found.add(name)

    substitute_verb(verb, note)
    return found


def host_ports_in(verb: Verb) -> tuple[int, ...]:
    """The guest's ports whose forwards a verb names."""
    found: list[int] = []

    def note(name: str, rest: str) -> None:
        if name == "HOST_PORT" and rest.isdigit():
            found.append(int(rest))

    substitute_verb(verb, note)
    return tuple(dict.fromkeys(found))


def names_this_host(verb: Verb) -> bool:
    """Whether a verb speaks of a port or an address that only this host can reach."""
    return not names_in(verb).isdisjoint(_PLACES)


def _substitute(value: Any, lookup: Lookup) -> Any:
    if isinstance(value, str):
        return substitute(value, lookup)
    if isinstance(value, Condition):
        return replace(value, value=_substitute(value.value, lookup))
    if isinstance(value, tuple | list):
        return type(value)(_substitute(one, lookup) for one in value)
    if isinstance(value, dict):
        return {key: _substitute(one, lookup) for key, one in value.items()}
    return value
