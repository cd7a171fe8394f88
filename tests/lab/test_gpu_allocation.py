"""Machines in the lab that require the card: what they are given, and by whom it may be used."""

from __future__ import annotations

from pathlib import Path

import pytest
from gpu_lab import USER, Lab
from lab_commands import FIRST, NVIDIA, PROJECT, VFIO, make_project, tiny_guest

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500)]

BEDS = Path(__file__).parents[2] / "beds" / "charly.yml"
CREATE_SECONDS = 300.0

DESK = """\
desk:
  vm: {from: tiny}
  alone: {requires_exclusive: [nvidia-gpu]}
"""
# What the docs have the owner of a workstation write, and what the refusal says.
PIN = f"echo '{USER} - memlock unlimited' >/etc/security/limits.d/charly.conf\n"
OPEN = f"""\
echo 'SUBSYSTEM=="vfio", OWNER="root", GROUP="kvm", MODE="0660"' \\
    >/etc/udev/rules.d/60-charly-vfio.rules
udevadm control --reload
udevadm trigger --settle
usermod --append --groups kvm {USER}
"""


def test_an_account_with_libvirt_gives_a_machine_the_card(fresh_lab: Lab) -> None:
    text = PROJECT + tiny_guest(fresh_lab, "libvirt") + DESK
    project = make_project(fresh_lab, fresh_lab.user, text)
    group = project.status()["group"]
    # The first is known before anything is claimed, the other when the card is on vfio.
    for told, allow in (
        ("this account may pin", PIN),
        (f"this account may not use /dev/vfio/{group}", OPEN),
    ):
        refused = project.charly("vm", "create", "desk", timeout=CREATE_SECONDS)
        assert refused.status == 1, refused.stdout
        assert told in refused.stderr
        assert project.drivers() == NVIDIA
        fresh_lab.root.script(allow)
    created = project.charly("vm", "create", "desk", timeout=CREATE_SECONDS)
    assert created.status == 0, created.stderr
    assert project.drivers() == VFIO
    card = project.status()
    assert card["claims"][0].startswith("is held exclusively by charly-desk (machine of charly")
    assert any(one.startswith("qemu-system-x86") for one in card["holders"]), card["holders"]
    instance = fresh_lab.read(f"/home/{USER}/.local/share/charly/vm/charly-desk/instance.yml")
    assert "desk requires nvidia-gpu" in instance
    done = project.charly("vm", "destroy", "desk", "--disk")
    assert done.status == 0, done.stderr
    assert project.drivers() == NVIDIA


def test_the_bed_of_the_card_is_given_its_whole_group(cards: Lab) -> None:
    """Its disk needs a host that knows where CachyOS's packages are."""
    project = make_project(cards, cards.root, BEDS.read_text() + PROJECT)
    done = project.charly("vm", "create", "check-cachyos-gpu-vm", timeout=CREATE_SECONDS)
    assert done.status == 1
    assert "this host is not CachyOS" in done.stderr
    instance = cards.read("/root/.local/share/charly/vm/charly-check-cachyos-gpu-vm/instance.yml")
    assert "check-cachyos-gpu-vm requires nvidia-gpu" in instance
    for address in (FIRST, FIRST.replace(".0", ".1")):
        assert address in instance
    assert project.drivers() == NVIDIA
