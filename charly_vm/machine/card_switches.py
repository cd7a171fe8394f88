"""Graphics cards as the arbiter switches them: exclusively claimed for a machine, shared for
containers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from charly_vm.errors import HostError
from charly_vm.host.progress import Progress
from charly_vm.model.project import Project

if TYPE_CHECKING:
    from charly_vm.gpu.cards import Card
    from charly_vm.model.resource import Gpu


class CardSwitches:
    """The tokens of a project, and those that are known everywhere, with cards behind them.

    What looks at the host's cards is imported when a token with a selector is claimed.
    """

    def __init__(self, project: Project | None, progress: Progress) -> None:
        self._project = project
        self._progress = progress

    def switched(self, tokens: Collection[str]) -> Collection[str]:
        """A token without a card on this host arbitrates, and switches nothing."""
        return [one for one in tokens if one in self._selectors and self._cards(one)]

    def require_sound(self, token: str) -> None:
        from charly_vm.gpu.journal import Journal
        from charly_vm.gpu.plan import refuse_wedge
        from charly_vm.gpu.situation import find_poison
        from charly_vm.gpu.switch import refusal_error
        from charly_vm.gpu.wedge import WedgeCheck, check_wedge

        journal, wedge = Journal(), check_wedge()
        for card in self._cards(token):
            # A driver that hangs has nothing to do with a card that is all on another one.
            on_vfio = all(one.driver == "vfio-pci" for one in card.functions)
            seen = WedgeCheck() if on_vfio else wedge
            refusals = tuple(refuse_wedge(seen, find_poison(card, journal)))
            if refusals:
                raise refusal_error(f"{token} is not to be had: {card.address}", refusals)

    def mode(self, token: str) -> str:
        modes = {card.mode.value if card.mode else "" for card in self._cards(token)}
        return modes.pop() if len(modes) == 1 else ""

    def wanted(self, *, exclusive: bool) -> str:
        return "vfio" if exclusive else "nvidia"

    def enter(self, token: str, mode: str) -> None:
        from charly_vm.gpu.cards import Mode
        from charly_vm.machine.gpu_switch import switch_now

        cards = self._cards(token)
        if not cards:
            raise HostError(f"the card of {token} is no longer there")
        for card in cards:
            if card.mode is not Mode(mode):
                self._progress.note(switch_now(card.address, Mode(mode), self._progress))

    @cached_property
    def _selectors(self) -> Mapping[str, Gpu]:
        from charly_vm.machine.gpu_switch import find_selectors

        return find_selectors(self._project)

    def _cards(self, token: str) -> list[Card]:
        from charly_vm.machine.gpu_switch import cards_of

        return cards_of(token, self._selectors)
