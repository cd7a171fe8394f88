"""Pressing the power button until a guest obeys."""

from __future__ import annotations

import pytest

from charly_vm.backend import power_button
from charly_vm.backend.power_button import press_until_off
from charly_vm.host.waiting import Deadline


def test_a_guest_that_loses_the_first_press_gets_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(power_button, "PRESS_AGAIN_SECONDS", 0.01)
    presses: list[float] = []

    def is_off_within(seconds: float) -> bool:
        assert seconds <= 0.01
        return len(presses) == 3

    assert press_until_off(lambda: presses.append(0), is_off_within, Deadline(10))
    assert len(presses) == 3


def test_a_guest_that_never_obeys_is_given_up_at_the_deadline() -> None:
    deadline = Deadline(0.05)

    def is_off_within(seconds: float) -> bool:
        while not deadline.passed:
            assert seconds <= 0.05
        return False

    assert not press_until_off(lambda: None, is_off_within, deadline)
