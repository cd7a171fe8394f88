"""A bed inside the lab whose guest is given the card: claimed, switched, passed on, put back."""

from __future__ import annotations

import shlex

import pytest
from gpu_lab import Lab
from lab_commands import NVIDIA, PROJECT, make_project, tiny_guest

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500)]

# The guest of a guest is emulated twice over.
BED_SECONDS = 900.0
SOUND = "0x293e"
"""The device of the card's sound, which no guest has of its own."""

BED = f"""\
check-card:
  vm: {{from: tiny, disposable: true, timeout: {BED_SECONDS:.0f}s}}
  alone: {{requires_exclusive: [nvidia-gpu]}}
  sees-its-card:
    check: both functions of the card are on the guest's bus
    command: cat /sys/bus/pci/devices/*/vendor /sys/bus/pci/devices/*/device
    stdout: ["0x1234", "{SOUND}"]
"""


def test_a_bed_claims_the_card_and_its_guest_sees_it(cards: Lab) -> None:
    project = make_project(cards, cards.root, PROJECT + tiny_guest(cards, "qemu") + BED)
    words = ["pytest", "--charly-bed", "check-card", "--charly-no-rebuild", "-rA", "--tb=short"]
    command = f"cd {shlex.quote(project.directory)} && {shlex.join(words)}"
    done = cards.run(command, timeout=BED_SECONDS + 120, check=False)
    assert done.status == 0, done.stdout + done.stderr
    assert "PASSED" in done.stdout
    assert "sees-its-card" in done.stdout
    instance = cards.read("/root/.local/share/charly/vm/charly-check-card/instance.yml")
    assert "check-card requires nvidia-gpu" in instance
    assert "token: nvidia-gpu" in instance
    # Nobody claims it any more: it is what it was before.
    assert project.drivers() == NVIDIA
