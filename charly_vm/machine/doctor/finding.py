"""One line of the doctor's table, and that of a program."""

from __future__ import annotations

from dataclasses import dataclass

from charly_vm.host.facts import Facts
from charly_vm.host.process import find_tool
from charly_vm.machine.packages import RED_HAT_NAMES


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's table. `fix` is empty where nothing is missing."""

    section: str
    name: str
    good: bool
    found: str
    enables: str
    fix: str = ""
    needed: bool = False
    """Whether no bed at all can run without it."""


def examine_tool(
    section: str, name: str, enables: str, fix: str, *, needed: bool = False
) -> Finding:
    """Whether there is a program, under its usual name or Red Hat's."""
    path = find_tool(name) or find_tool(RED_HAT_NAMES.get(name, name))
    found = str(path or "not found")
    good = path is not None
    return Finding(section, name, good, found, enables, "" if good else fix, needed)


def render_sudo(facts: Facts) -> str:
    """What a command for root begins with."""
    return "" if facts.is_root else "sudo "
