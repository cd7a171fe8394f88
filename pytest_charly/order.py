"""Which of the collected items run, and in which order: bed by bed and phase by phase."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from charly_vm import with_needed
from pytest_charly.collection import BedModule, StepItem
from pytest_charly.place import DEPLOYED, HAS_BEDS, PLACE, REBUILT, place_of

MARKERS = {
    "deployed_only": "run this check in the phase [deployed] alone",
    "rebuilt_only": "run this check in the phase [rebuilt] alone, after the rebuild",
}
_ONLY = {"deployed_only": DEPLOYED, "rebuilt_only": REBUILT}


def place_modules(items: Sequence[pytest.Item]) -> None:
    """Note the bed and the phase of each test in a module that declares a bed."""
    for item in items:
        module = item.getparent(BedModule)
        callspec: Any = getattr(item, "callspec", None)
        if module and module.stash.get(HAS_BEDS, False) and callspec is not None:
            item.stash[PLACE] = callspec.params["bed"]


def belongs_to_its_phase(item: pytest.Item) -> bool:
    """Whether no marker keeps an item to the other phase."""
    place = place_of(item)
    wanted = [phase for marker, phase in _ONLY.items() if item.get_closest_marker(marker)]
    return place is None or not wanted or place[1] in wanted


def find_needed(items: Sequence[pytest.Item]) -> list[StepItem]:
    """The steps that those among the items need, and that are not among them."""
    chosen = [item for item in items if isinstance(item, StepItem)]
    needed: list[StepItem] = []
    for place in dict.fromkeys(item.stash[PLACE] for item in chosen):
        here = [item for item in chosen if item.stash[PLACE] == place]
        of_the_bed = here[0].siblings
        steps = [item.step for item in of_the_bed]
        wanted = with_needed(steps, [item.step for item in here])
        there = {item.step.id for item in here}
        needed += [item for item in of_the_bed if item.step in wanted and item.step.id not in there]
    return needed


def in_order(
    items: Sequence[pytest.Item], beds: Sequence[str], phases: Sequence[str]
) -> list[pytest.Item]:
    """What has to do with no bed, then bed by bed and phase by phase: the steps in the file's
    order, then the tests in the order that they have, which another plugin may have chosen."""

    def key(item: pytest.Item) -> tuple[int, int, int, int]:
        place = place_of(item)
        if place is None:
            return (-1, -1, 0, 0)
        number = item.siblings.index(item) if isinstance(item, StepItem) else 0
        return (
            beds.index(place[0]),
            phases.index(place[1]),
            not isinstance(item, StepItem),
            number,
        )

    return sorted(items, key=key)
