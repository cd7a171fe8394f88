"""What a method of a probe says of an argument that it cannot take."""

from __future__ import annotations

from charly_vm.errors import Problem, SpecError


def wrong_argument(method: str, text: str) -> SpecError:
    """The error of a method, by its name, that says in words what is wrong."""
    return SpecError([Problem(method, 0, 0, text)])
