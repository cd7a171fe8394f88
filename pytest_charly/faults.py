"""Whose fault a failure is: the guest's, the bed's, or charly's own.

check    the guest is not as the check wants it
bed      the host, the image, the network or the time did not allow the bed to come up
charly   an error that charly did not expect, which somebody should report
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    # The same class, which pytest's public names give no type.
    from _pytest.outcomes import Failed as Failed
else:
    Failed = pytest.fail.Exception

CHECK, BED, CHARLY = "check", "bed", "charly"

PROPERTY = "charly_fault"
"""Its name among a report's user properties, and so in JUnit's XML."""

REQUEST = "this is a defect of charly itself; please report it with the lines above"

_SENTENCES = {
    CHECK: ("{} check failed", "{} checks failed"),
    BED: ("{} bed could not be had", "{} beds could not be had"),
    CHARLY: ("{} error of charly itself", "{} errors of charly itself"),
}


class BedFault(Failed):
    """The bed is not up; says why, in its own words and without Python's frames."""

    # Summaries name a class without this one's module.
    __module__ = "builtins"

    def __init__(self, text: str) -> None:
        super().__init__(text, pytrace=False)


class TimeIsOver(BedFault):
    """A check is not begun, since those before it have taken all the time that there was."""

    __module__ = "builtins"


class PhaseTimeout(Failed):
    """A phase of a bed has taken longer than it may. Breaks into whatever is running.

    No `Exception`, so that checks which catch those do not catch this. Its text says where it was.
    """

    __module__ = "builtins"

    def __init__(self, text: str) -> None:
        super().__init__(text, pytrace=False)


class CharlyFault(Failed):
    """Something in charly went wrong that it did not expect."""

    __module__ = "builtins"

    def __init__(self, error: BaseException) -> None:
        frames = "".join(traceback.format_exception(error))
        super().__init__(f"{frames}\n{REQUEST}", pytrace=False)


def judge(error: BaseException | None) -> str:
    """Whose fault it is that a bed's item failed with this."""
    if isinstance(error, CharlyFault):
        return CHARLY
    if isinstance(error, BedFault):
        return BED
    return CHECK


def summarise(faults: dict[str, int]) -> str:
    """One line for people; empty where nothing failed."""
    told = []
    for fault, (one, many) in _SENTENCES.items():
        if count := faults.get(fault, 0):
            told.append((one if count == 1 else many).format(count))
    return "; ".join(told)
