"""Which cards a token means: by its selector, the same ones every time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from charly_vm.gpu.cards import Card
from charly_vm.model.resource import Gpu


def matches(selector: Gpu, card: Card) -> bool:
    """Whether one of a card's displays is what the selector says."""
    return any(
        display.vendor == int(selector.vendor, 16)
        and (selector.device is None or display.device == int(selector.device, 16))
        and (selector.address is None or display.address == selector.address)
        for display in card.displays
    )


def select(selector: Gpu, cards: Iterable[Card], own: Iterable[str] = ()) -> Sequence[Card]:
    """The cards that a claim takes: those that fit, by address, as many as the selector wants.

    `own` are the addresses of cards that serve the host itself, which are only taken where the
    selector names one by its address (and are refused later, with the reason). Fewer than wanted
    are returned where there are no more.
    """
    taken = set(own)
    fitting = [
        card
        for card in cards
        if matches(selector, card) and (card.address not in taken or selector.address)
    ]
    return sorted(fitting, key=lambda card: card.address)[: selector.count]


def describe_selector(selector: Gpu) -> str:
    """`vendor 0x10de, device 0x2684`."""
    said = {"vendor": selector.vendor, "device": selector.device, "address": selector.address}
    text = ", ".join(f"{name} {value}" for name, value in said.items() if value)
    return f"{selector.count} of {text}" if selector.count > 1 else text
