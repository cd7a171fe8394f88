"""IOMMU groups with a display, as cards: one goes to a machine as a whole, or not at all."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from charly_vm.gpu.inventory import Inventory
from charly_vm.gpu.pci import Function

VFIO = "vfio-pci"
NVIDIA = "nvidia"
SOUND = "snd_hda_intel"


class Mode(str, Enum):
    """Whom a card serves."""

    VFIO = "vfio"
    """One machine: every function of the group is on vfio-pci."""
    NVIDIA = "nvidia"
    """Containers: displays are on nvidia, sound is the host's."""


@dataclass(frozen=True, slots=True)
class Card:
    """The functions of one IOMMU group, bridges apart. `group` is -1 where no IOMMU translates."""

    group: int
    functions: tuple[Function, ...]

    @property
    def displays(self) -> tuple[Function, ...]:
        return tuple(one for one in self.functions if one.is_display)

    @property
    def main(self) -> Function:
        """The display that it is called after."""
        return self.displays[0]

    @property
    def address(self) -> str:
        return self.main.address

    @property
    def foreign(self) -> tuple[Function, ...]:
        """Functions of other devices, which would go wherever the card goes."""
        slots = {one.slot for one in self.displays}
        return tuple(one for one in self.functions if one.slot not in slots)

    @property
    def mode(self) -> Mode | None:
        """None where it is in neither: on another driver, unbound, or half-way between two."""
        if all(one.driver == VFIO for one in self.functions):
            return Mode.VFIO
        if all(one.driver == wanted_driver(one, Mode.NVIDIA) for one in self.displays) and all(
            # A host may have no driver for sound, and containers need none.
            one.driver in (SOUND, "")
            for one in self.functions
            if one.is_audio
        ):
            return Mode.NVIDIA
        return None

    @property
    def state(self) -> str:
        """Its mode in a word, also where it has none."""
        if self.mode is not None:
            return self.mode.value
        drivers = {one.driver for one in self.functions}
        other = sorted({one.driver for one in self.displays} - {"", VFIO, NVIDIA})
        if other:
            return f"driven by {', '.join(other)}"
        return "unbound" if drivers == {""} else "half-switched"


@dataclass(frozen=True, slots=True)
class Screens:
    """Functions on which somebody looks at something, by address."""

    consoles: Collection[str] = ()
    masters: Collection[str] = ()


def find_cards(inventory: Inventory) -> list[Card]:
    """The cards, by address. Where no IOMMU translates, one per device."""
    cards: dict[tuple[int, str], Card] = {}
    for display in inventory.functions:
        # A virtual function is no card of its own: it goes and comes with its parent's driver.
        if not display.is_display or display.physical:
            continue
        if display.group is None:
            key = (-1, display.slot)
            members = tuple(one for one in inventory.functions if one.slot == display.slot)
        else:
            key = (display.group, "")
            members = inventory.in_group(display.group)
        own = tuple(one for one in members if not one.is_bridge)
        cards.setdefault(key, Card(key[0], own))
    return sorted(cards.values(), key=lambda card: card.address)


def wanted_driver(function: Function, mode: Mode) -> str:
    """The driver of a function in a mode."""
    if mode is Mode.NVIDIA and function.is_display:
        return NVIDIA
    if mode is Mode.NVIDIA and function.is_audio:
        return SOUND
    return VFIO


def why_own(card: Card, screens: Screens) -> str:
    """Why a card is the host's own, which is never switched; empty where it is not.

    That it is the only one is no reason: a host without a screen has one card.
    """
    for display in card.displays:
        if display.driver not in ("", VFIO, NVIDIA):
            return f"{display.address} is driven by {display.driver} for the host itself"
        if display.address in screens.masters:
            return f"a program draws on the display of {display.address}"
        if display.address in screens.consoles:
            return f"the host's console is on the framebuffer of {display.address}"
    return ""
