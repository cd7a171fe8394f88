"""A group: deploys that belong together. Its VM members are deploys of their own."""

from __future__ import annotations

from dataclasses import dataclass

from charly_vm.model.deploy import Terms
from charly_vm.model.step import Step

OF_THE_GROUP = frozenset({"description", "disposable", "lifecycle"})
"""What a group says of itself; anything else is kept, and each member has to say it again."""


class Group(Terms):
    """Deploys that belong together, `NAME: {group: {…}, MEMBER: {vm: {from: …}}, …}`. `disposable:
    true` holds for every VM member that does not say otherwise."""


@dataclass(frozen=True, slots=True)
class GroupNode:
    """A group with its name, its members' names and its place."""

    name: str
    group: Group
    members: tuple[str, ...]
    steps: tuple[Step, ...]
    file: str
    line: int
