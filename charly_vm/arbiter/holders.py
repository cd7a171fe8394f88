"""What the arbiter needs to know of those who give way, and of claimants' machines; the room
`machine` says it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from charly_vm.arbiter.records import Life
from charly_vm.arbiter.wish import Wish


class GivesWay(Protocol):
    """A deploy that has agreed to be stopped for a claimant, and is started again afterwards.

    Every method may raise `CharlyError`, and may be called again.
    """

    @property
    def key(self) -> str:
        """Its name in the ledger, of its account's alone."""
        ...

    @property
    def name(self) -> str:
        """For people."""
        ...

    @property
    def wish(self) -> Wish:
        """What it has while it runs."""
        ...

    @property
    def grace(self) -> float:
        """How long it may take to stop, in seconds."""
        ...

    @property
    def on_success(self) -> bool:
        """Whether it comes back only when its claimants have succeeded."""
        ...

    @property
    def found_by(self) -> Mapping[str, str]:
        """All that it takes to find it again without the project; with its `name`."""
        ...

    def is_running(self) -> bool:
        """What is so at this moment."""
        ...

    def find_protection(self) -> str:
        """Why it does not give way now, such as its owner at work; empty where it does."""
        ...

    def stop(self, seconds: float) -> bool:
        """Ask it to stop, without force, and wait; whether it has."""
        ...

    def start(self) -> None:
        """Start it. It is started already where this is called too often."""
        ...


class Household(Protocol):
    """The machines and holders of this account."""

    def find_holders(self, tokens: Collection[str]) -> Sequence[GivesWay]:
        """Those who have one of these tokens while they run, whether they run or not."""
        ...

    def all_tokens(self) -> Collection[str]:
        """What its holders have while they run."""
        ...

    def find_again(self, found_by: Mapping[str, str], wish: Wish) -> GivesWay | None:
        """A holder by what was written down of it; None where it is no longer there."""
        ...

    def has_machine(self, domain: str) -> bool:
        """Whether a machine of this name is on record."""
        ...

    def clear(self, domain: str) -> bool:
        """Remove the machine of a claimant that died, unless somebody else works on it; whether it
        is gone."""
        ...

    def expect_return(self, due: bool) -> None:
        """Holders of this account are down, and have to come back also where this host is booted
        anew; or, where it is not `due`, none is any more."""
        ...

    def find_parts(self, domain: str) -> Mapping[Life, Wish] | None:
        """What a machine that is there to stay has claimed, by what that lives by; None for one
        that is to be removed, or that nothing is known of."""
        ...


class NoHousehold:
    """Where there is none: claims of tokens that nobody gives way for."""

    def find_holders(self, tokens: Collection[str]) -> Sequence[GivesWay]:
        return ()

    def all_tokens(self) -> Collection[str]:
        return ()

    def find_again(self, found_by: Mapping[str, str], wish: Wish) -> GivesWay | None:
        return None

    def has_machine(self, domain: str) -> bool:
        return True

    def clear(self, domain: str) -> bool:
        return False

    def expect_return(self, due: bool) -> None:
        pass

    def find_parts(self, domain: str) -> Mapping[Life, Wish] | None:
        return None
