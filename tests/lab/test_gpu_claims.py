"""Claims of a card on a real kernel: what they switch, what they find again, who waits for whom."""

from __future__ import annotations

import pytest
from gpu_lab import Lab
from lab_cards import CARDS
from lab_commands import FIRST, NVIDIA, PROJECT, SECONDS, VFIO, Project, make_project

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500)]

SERVICE = """\
inference:
  pod: {image: inference}
  gives-way:
    preemptible:
      shares: [nvidia-gpu]
      stop: systemctl stop inference
      start: systemctl start inference
      running: systemctl is-active --quiet inference
"""
UNIT = f"""\
[Service]
ExecStart=/bin/sh -c 'exec 3<{CARDS[0].node}; exec sleep infinity'
TimeoutStopSec=1
"""


def test_two_claimants_contend_with_a_holder_of_the_card(cards: Lab) -> None:
    """Each has it alone on vfio-pci; the service that gave way runs again, and has its driver."""
    cards.write("/etc/systemd/system/inference.service", UNIT)
    cards.run("systemctl daemon-reload && systemctl start inference")
    project = make_project(cards, cards.root, PROJECT + SERVICE)
    own = f"readlink /sys/bus/pci/devices/{FIRST}/driver; mkdir lock && sleep 1 && rmdir lock"
    command = f"cd {project.directory} && exec charly claim nvidia-gpu -- sh -c '{own}'"
    try:
        running = [cards.start(command) for _ in range(2)]
        for one in running:
            ended = one.require_end(SECONDS)
            assert ended.status == 0, ended.stderr
            assert ended.stdout.strip().endswith("/vfio-pci")
        assert cards.run("systemctl is-active inference").stdout == "active\n"
        assert project.drivers() == NVIDIA
    finally:
        cards.run("systemctl stop inference; rm /etc/systemd/system/inference.service")


def test_a_claim_switches_and_the_last_release_switches_back(project: Project) -> None:
    script = f"readlink /sys/bus/pci/devices/{FIRST}/driver"
    done = project.charly("claim", "nvidia-gpu", "--", "sh", "-c", script)
    assert done.status == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith("/vfio-pci")
    assert project.drivers() == NVIDIA
    shared = project.charly("claim", "nvidia-gpu", "--shared", "--", "sh", "-c", script)
    assert shared.stdout.splitlines()[-1].endswith("/nvidia")


def test_a_card_that_was_on_vfio_before_stays_there(project: Project) -> None:
    project.switched("vfio")
    assert project.charly("claim", "nvidia-gpu", "--", "true").status == 0
    assert project.drivers() == VFIO
    project.switched("nvidia")
