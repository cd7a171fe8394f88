"""Graphics cards as the arbiter switches them: exclusively claimed for a machine, shared for
containers. Each is a device by its PCI address."""

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

    def devices(self, token: str) -> Collection[str]:
        """A token without a card on this host arbitrates, and switches nothing."""
        if token not in self._selectors:
            return ()
        from charly_vm.machine.gpu_switch import cards_of

        return [card.address for card in cards_of(token, self._selectors)]

    def is_device(self, name: str) -> bool:
        return ":" in name and self._find(name) is not None

    def require_sound(self, device: str) -> None:
        from charly_vm.gpu.journal import Journal
        from charly_vm.gpu.plan import refuse_wedge
        from charly_vm.gpu.situation import find_poison, find_wedge
        from charly_vm.gpu.switch import refusal_error
        from charly_vm.gpu.wedge import WedgeCheck

        journal, wedge = Journal(), find_wedge()
        card = self._require(device)
        # A driver that hangs has nothing to do with a card that is all on another one.
        on_vfio = all(one.driver == "vfio-pci" for one in card.functions)
        seen = WedgeCheck() if on_vfio else wedge
        refusals = tuple(refuse_wedge(seen, find_poison(card, journal)))
        if refusals:
            raise refusal_error(f"{device} is not to be had", refusals)

    def mode(self, device: str) -> str:
        mode = self._require(device).mode
        return mode.value if mode else ""

    def wanted(self, *, exclusive: bool) -> str:
        return "vfio" if exclusive else "nvidia"

    def enter(self, device: str, mode: str) -> None:
        from charly_vm.gpu.cards import Mode
        from charly_vm.machine.gpu_switch import switch_now

        if self._require(device).mode is not Mode(mode):
            self._progress.note(switch_now(device, Mode(mode), self._progress))

    @cached_property
    def _selectors(self) -> Mapping[str, Gpu]:
        from charly_vm.machine.gpu_switch import find_selectors

        return find_selectors(self._project)

    def _find(self, device: str) -> Card | None:
        from charly_vm.gpu.cards import find_cards
        from charly_vm.gpu.inventory import read_inventory

        return next((one for one in find_cards(read_inventory()) if one.address == device), None)

    def _require(self, device: str) -> Card:
        card = self._find(device)
        if card is None:
            raise HostError(f"the card {device} is no longer there")
        return card
