"""Verbs that compare what a command says, or a text with another."""

from __future__ import annotations

from charly_vm.model.matchers import Condition, MatcherField, SubstringsField
from charly_vm.model.quantities import Flag
from charly_vm.model.verbs.verb import Verb


class CommandVerb(Verb):
    """A shell command in the guest, as the account that SSH logs in to."""

    name = main = "command"
    command: str
    """A line for the shell."""
    exit_status: MatcherField = (Condition("equals", 0),)
    """What it ends with."""
    stdout: MatcherField | None = None
    """What it writes, without the last line's end."""
    stderr: MatcherField | None = None
    """What it writes to standard error."""
    in_container: Flag | None = None
    """`false` has it run on this host, as `from_host` does."""
    background: Flag = False
    """Do not wait for it."""
    from_host: Flag = False
    """Run it on this host, in the directory of the step's file."""
    run_as: str | None = None
    """The account that it runs as, in place of SSH's."""


class MatchingVerb(Verb):
    """A text, as it may come from a variable, and what has to be in it."""

    name = main = "matching"
    matching: str
    """The text."""
    contains: SubstringsField | None = None
    """What is in it."""
