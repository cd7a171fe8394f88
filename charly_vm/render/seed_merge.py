"""Putting parts of a cloud-config together: the author's on top of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ACCOUNTS = "users"


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings key by key, lists one behind the other, and of anything else what is above.

    Accounts that have the same name become one. A null takes the key away.
    """
    result = dict(below)
    for key, value in above.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _combine(key, below.get(key), value)
    return result


def _combine(key: str, below: Any, above: Any) -> Any:
    if isinstance(below, Mapping) and isinstance(above, Mapping):
        return merge(below, above)
    if isinstance(below, list) and isinstance(above, list):
        return _join_accounts(below, above) if key == ACCOUNTS else [*below, *above]
    return above


def _join_accounts(below: list[Any], above: list[Any]) -> list[Any]:
    """cloud-init would take the last entry of a name for all that is said about it."""
    result = list(below)
    names = [_name_of(account) for account in below]
    for account in above:
        name = _name_of(account)
        if name is None or name not in names:
            result.append(account)
        elif isinstance(account, Mapping):
            place = names.index(name)
            result[place] = merge(result[place], account)
    return result


def _name_of(account: Any) -> str | None:
    """Of a mapping its name, and of a word, such as `default`, the word."""
    found = account.get("name") if isinstance(account, Mapping) else account
    return found if isinstance(found, str) else None
