"""A workstation with the host's graphics card, seen from inside."""

from __future__ import annotations

import pytest
from testinfra.host import Host

from pytest_charly import Bed

bed = Bed("check-cachyos-gpu-vm")

NVIDIA = "10de"


@pytest.fixture
def card(guest: Host) -> str:
    """The card's line in lspci, or N/A in a guest that was given none."""
    lines: list[str] = guest.check_output(f"lspci -d {NVIDIA}::03xx").splitlines()
    if not lines:
        pytest.skip("N/A: the guest has no NVIDIA card")
    return lines[0]


def test_it_is_cachyos(guest: Host) -> None:
    assert "ID=cachyos" in guest.check_output("cat /etc/os-release")


def test_the_guest_agent_runs(guest: Host) -> None:
    assert guest.service("qemu-guest-agent").is_running


def test_the_card_came_with_all_of_its_functions(guest: Host, card: str) -> None:
    slot = card.split(".")[0]
    functions = guest.check_output(f"lspci -n -s {slot}").splitlines()
    assert any(" 0403: " in line for line in functions), "its sound is missing"


def test_a_driver_has_the_card(guest: Host, card: str) -> None:
    address = card.split()[0]
    assert "Kernel driver in use" in guest.check_output(f"lspci -k -s {address}")


def test_nvidia_smi_sees_the_card(guest: Host, card: str) -> None:
    if not guest.exists("nvidia-smi"):
        pytest.skip("N/A: NVIDIA's driver is not installed in the guest")
    assert "GPU 0" in guest.check_output("nvidia-smi -L")
