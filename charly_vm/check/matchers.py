"""Comparing what was found with what a step expects. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from charly_vm.model.matchers import Condition, Matcher, Scalar

_WORDS = {
    "equals": "",
    "not_equals": "anything but ",
    "contains": "something with ",
    "not_contains": "nothing with ",
    "matches": "a match of ",
    "not_matches": "no match of ",
    "lt": "less than ",
    "le": "at most ",
    "gt": "more than ",
    "ge": "at least ",
}


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that is not as expected. `what` names it: `stdout`, `exit status`, `port 22`."""

    what: str
    expected: str
    found: str


def match(what: str, matcher: Matcher, found: Scalar) -> list[Mismatch]:
    """What does not hold, one entry per condition."""
    return [
        Mismatch(what, f"{_WORDS[condition.operator]}{_show(condition.value)}", _show(found))
        for condition in matcher
        if not _holds(condition, found)
    ]


def _holds(condition: Condition, found: Scalar) -> bool:
    operator, value = condition.operator, condition.value
    if operator.startswith("not_"):
        return not _holds(Condition(operator.removeprefix("not_"), value), found)
    match operator:
        case "equals":
            return _equal(found, value)
        case "contains":
            return _spell(value) in _spell(found)
        case "matches":
            return re.search(_spell(value), _spell(found), re.MULTILINE) is not None
    left, right = _number(found), _number(value)
    if left is None or right is None:
        return False
    return {"lt": left < right, "le": left <= right, "gt": left > right, "ge": left >= right}[
        operator
    ]


def _equal(found: Scalar, value: Scalar) -> bool:
    if isinstance(found, str):
        # `stdout: 42` is written as a number and compared with text, in which it may be 42.0.
        number = None if isinstance(value, str) else _number(value)
        return found == _spell(value) or (number is not None and _number(found) == number)
    if isinstance(found, bool) or isinstance(value, bool) or found is None or value is None:
        return found is value
    return _number(found) == _number(value)


def _spell(value: Scalar) -> str:
    """As text has it: YAML's `true` is no Python."""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _number(value: Scalar) -> float | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _show(value: Scalar) -> str:
    return repr(value) if isinstance(value, str) else str(value).lower()
