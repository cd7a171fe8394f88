"""Asking a guest to shut down, on every backend in the same way."""

from __future__ import annotations

from collections.abc import Callable

from charly_vm.host.waiting import Deadline

PRESS_AGAIN_SECONDS = 5.0
"""A guest that is still booting loses the press of its power button, so it is pressed again."""


def press_until_off(
    press: Callable[[], None], is_off_within: Callable[[float], bool], deadline: Deadline
) -> bool:
    """Press the ACPI power button, now and again, until the machine is off; False at the deadline.

    `is_off_within` waits up to that many seconds and says whether the machine has gone.
    """
    while not deadline.passed:
        press()
        if is_off_within(deadline.remaining(at_most=PRESS_AGAIN_SECONDS)):
            return True
    return False
