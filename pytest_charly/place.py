"""Where an item belongs: its bed and its phase."""

from __future__ import annotations

import pytest

DEPLOYED = "deployed"
REBUILT = "rebuilt"

PLACE = pytest.StashKey[tuple[str, str]]()
"""The whole name of the bed and the phase of an item that has to do with one."""

FAILED = pytest.StashKey[bool]()
"""Set on an item that claims something, once it has failed."""

HAS_BEDS = pytest.StashKey[bool]()
"""Set on a test module whose tests run in beds."""


def place_of(item: pytest.Item) -> tuple[str, str] | None:
    """The bed and phase of an item; None for one that has nothing to do with beds."""
    return item.stash.get(PLACE, None)
