"""A driver that never ends in the lab's kernel: it is told, nothing of it is touched, and a switch
of ours that meets it gives the card up."""

from __future__ import annotations

import json
import time

import pytest
from gpu_lab import Lab
from lab_cards import CARDS
from lab_commands import FIRST, SECONDS, Project, journal_of, make_project

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500)]


def test_a_wedge_is_told_and_nothing_of_it_is_touched(fresh_lab: Lab) -> None:
    project = make_project(fresh_lab, fresh_lab.root)
    quick = _seconds(project)
    held = fresh_lab.hold(CARDS[0].node)
    # What nobody should do: the writer sleeps until the holder closes, and cannot be killed.
    stuck = fresh_lab.start(f"echo {FIRST} >/sys/bus/pci/drivers/nvidia/unbind")
    deadline = time.monotonic() + 20
    while not any(one.startswith("nv_pci_remove") for one in stuck.look().frames):
        assert time.monotonic() < deadline
    assert _seconds(project) < 3 * quick + 2
    card = project.status()
    assert card["state"] == "wedged"
    assert any("does not let go" in one["reason"] for one in card["obstacles"])
    assert all("sysrq" in one["remedy"] for one in card["obstacles"][:1])
    before = fresh_lab.state().drivers, journal_of(fresh_lab)
    for words in (("mode", "vfio", FIRST), ("recover", FIRST)):
        done = project.gpu(*words)
        assert done.status == 1, done.stdout
        assert "an ordinary reboot may hang as well" in done.stderr
    assert (fresh_lab.state().drivers, journal_of(fresh_lab)) == before
    claimed = project.charly("claim", "nvidia-gpu", "--", "true")
    assert claimed.status == 1
    assert "an ordinary reboot may hang" in claimed.stderr
    # Whoever does not need the card goes on.
    assert project.charly("claim", "dongle", "--", "true").status == 0
    held.kill()
    fresh_lab.reset()
    project = make_project(fresh_lab, fresh_lab.root)
    assert project.status()["obstacles"] == []
    project.switched("vfio")


UNTIL_WEDGED = """\
until grep -qs nv_pci_remove "/proc/$(pgrep --exact rmmod)/stack"; do sleep 0.1; done
"""


def test_a_switch_that_meets_a_wedge_gives_the_card_up(fresh_lab: Lab) -> None:
    """Nobody has the card open, so nothing forbids the unloading, which never ends. An ordinary
    account cannot see that for itself."""
    lab = fresh_lab
    ordinary, project = make_project(lab, lab.user), make_project(lab, lab.root)
    lab.leak(CARDS[0].node)
    switching = lab.user.start(
        f"cd {ordinary.directory} && umask 077 && exec charly vm gpu mode vfio {FIRST}"
    )
    lab.root.script(UNTIL_WEDGED)
    assert project.status()["state"] == "wedged"
    assert ordinary.charly("claim", "dongle", "--", "true").status == 0
    ended = switching.require_end(SECONDS)
    assert ended.status == 1, ended.stdout
    for said in ("unload the module nvidia", "given up", "reboot"):
        assert said in ended.stderr
    # What does not end is left, and nobody waits for it.
    assert lab.run("ps -C rmmod -o state=").stdout == "D\n"
    assert lab.run("pgrep --full '[c]harly_vm/gpu/helper.py'", check=False).stdout == ""

    poison = json.loads(lab.run("cat /run/charly/gpu/poison-*.json").stdout)
    card = ordinary.status()
    assert card["state"] == "given up"
    told = next(one for one in card["obstacles"] if poison["reason"] in one["reason"])
    assert "reboot" in told["remedy"]
    before = lab.state().drivers, journal_of(lab)
    # The other card's driver waits behind the first one's.
    claimed = [ordinary.charly("claim", one, "--", "true") for one in ("nvidia-gpu", "second-gpu")]
    recovered = project.gpu("recover", FIRST)
    for refused in (*claimed, recovered):
        assert refused.status == 1, refused.stdout
        assert "reboot" in refused.stderr
    assert (lab.state().drivers, journal_of(lab)) == before

    lab.reset()
    assert make_project(lab, lab.root).status()["obstacles"] == []
    assert journal_of(lab) == ""


def _seconds(project: Project) -> float:
    began = time.monotonic()
    assert project.gpu("status").status == 0
    return time.monotonic() - began
