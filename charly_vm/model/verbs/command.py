"""Verbs that compare what a command says, or a text with another."""

from __future__ import annotations

from charly_vm.model.matchers import Condition, MatcherField, SubstringsField
from charly_vm.model.quantities import Flag
from charly_vm.model.verbs.verb import Verb


class CommandVerb(Verb):
    """A shell command in the guest, as the account that SSH logs in to."""

    name = main = "command"
    command: str
    exit_status: MatcherField = (Condition("equals", 0),)
    stdout: MatcherField | None = None
    """Compared without the last line's end."""
    stderr: MatcherField | None = None
    in_container: Flag | None = None
    """`false` has it run on the host."""
    background: Flag = False
    from_host: Flag = False
    run_as: str | None = None


class MatchingVerb(Verb):
    """A text, as it may come from a variable, and what has to be in it."""

    name = main = "matching"
    matching: str
    contains: SubstringsField | None = None
