"""Where an item belongs: its bed and its phase."""

from __future__ import annotations

import pytest

DEPLOYED = "deployed"
REBUILT = "rebuilt"

PLACE = pytest.StashKey[tuple[str, str]]()
"""The bed and the phase of an item that has to do with one."""

MODULE_BED = pytest.StashKey[str]()
"""The bed that a test module declares."""


def place_of(item: pytest.Item) -> tuple[str, str] | None:
    """The bed and phase of an item; None for one that has nothing to do with beds."""
    return item.stash.get(PLACE, None)
