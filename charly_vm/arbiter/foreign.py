"""Tokens that the Go program on the same host has leased: not ours to have, and refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from charly_vm.arbiter.wish import Wish
from charly_vm.errors import ClaimUnavailable, HostError
from charly_vm.host.paths import data_directory

LEASES = Path("preemption", "leases.yml")
_CLAIMANT = ("claimant", "holder", "owner", "name")


def require_not_foreign(wish: Wish) -> None:
    """Raises `ClaimUnavailable` for a token that is leased there, and `HostError` for a ledger of
    that kind that cannot be read."""
    file = data_directory() / LEASES
    try:
        text = file.read_bytes()
    except FileNotFoundError:
        return
    except OSError as error:
        raise HostError(f"cannot read {file}: {error.strerror}") from error
    import yaml

    try:
        leased = dict(_find_leases(yaml.safe_load(text), ""))
    except (yaml.YAMLError, RecursionError) as error:
        raise HostError(
            f"{file}, the leases of the Go program, is no YAML",
            hint="remove it if that program does not run here any more",
        ) from error
    for token in wish.tokens:
        if token in leased:
            whom = f" to {leased[token]}" if leased[token] else ""
            raise ClaimUnavailable(
                f"{token} is leased{whom} by the Go program ({file})",
                holder=leased[token] or "the Go program",
                hint="end that lease there, with the Go program's own `charly preempt`",
            )


def _find_leases(value: Any, claimant: str) -> Iterator[tuple[str, str]]:
    """Every name in the document that may be a token, with the claimant that stands nearest.

    Nothing is known of the form but that it is YAML: a token may be a key or a value, also that of
    a `name`.
    """
    if isinstance(value, dict):
        said = next((str(value[key]) for key in _CLAIMANT if _is_name(value.get(key))), claimant)
        for key, below in value.items():
            yield str(key), said or _nearest(below)
            yield from _find_leases(below, said or str(key))
    elif isinstance(value, list):
        for below in value:
            yield from _find_leases(below, claimant)
    elif _is_name(value):
        yield str(value), claimant


def _nearest(below: Any) -> str:
    """Who a key's value says that has it: `gpu: {claimant: x}`, or `gpu: x`."""
    if not isinstance(below, dict):
        return below if _is_name(below) else ""
    return next((str(below[key]) for key in _CLAIMANT if _is_name(below.get(key))), "")


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value)
