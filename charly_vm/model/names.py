"""Names of machines: what may be one, and the domain that follows from it."""

from __future__ import annotations

import re

from charly_vm.errors import Problem, SpecError

PREFIX = "charly-"
"""What every domain of ours begins with."""

KIND = "vm:"
"""What may stand before a name on the command line; what follows it is the name as it is."""

NODE_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
"""A name becomes a domain name, a directory and a host name."""


def plain_name(typed: str) -> str:
    """The name of a deploy or entity as it may be typed: `vm:x` and `charly-x` mean x.

    A project may have an entity that is itself called `charly-x`: `vm:charly-x` names that one.
    """
    if typed.startswith(KIND):
        return typed.removeprefix(KIND)
    return typed.removeprefix(PREFIX)


def domain_of(typed: str, instance: str) -> str:
    """The domain of what was typed. Raises `SpecError` for what cannot be a name."""
    return domain_named(plain_name(typed), instance)


def domain_named(name: str, instance: str) -> str:
    """The domain of a deploy or entity of exactly this name. Raises `SpecError` as above."""
    for part in (name, instance or "none"):
        if not NODE_NAME.fullmatch(part):
            raise SpecError([Problem(repr(part), 0, 0, "cannot be the name of a machine")])
    return f"{PREFIX}{name}" + (f"-{instance}" if instance else "")
