"""The switch of a card on a real kernel: there and back, refused, taken back, and wedged."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest
from gpu_lab import Lab
from lab_cards import CARDS
from lab_commands import FIRST, NVIDIA, SECOND, SECONDS, VFIO, Project, make_project

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500)]

UVM = "/dev/nvidia-uvm"


@pytest.fixture
def project(cards: Lab) -> Project:
    return make_project(cards, cards.root)


def test_the_inventory_is_what_the_kernel_says(project: Project) -> None:
    card = project.status()
    assert card["group"] >= 0
    assert [one["driver"] for one in card["functions"]] == list(NVIDIA)
    assert [one["what"] for one in card["functions"]] == ["display", "sound"]
    assert (card["state"], card["own"], card["obstacles"]) == ("nvidia", "", [])
    own = project.status("0000:00:05.0")
    assert "console" in own["own"] or "driven by" in own["own"]


# In one process: to start charly takes longer in the lab than a switch.
MANY_TIMES = """\
import json, sys
from charly_vm.gpu.cards import Mode
from charly_vm.gpu.plan import plan_switch
from charly_vm.gpu.situation import observe
from charly_vm.gpu.switch import switch
from charly_vm.machine.gpu_switch import find_card

seen = []
for target in (Mode.VFIO, Mode.NVIDIA) * int(sys.argv[2]):
    switch(plan_switch(observe(find_card(sys.argv[1], None)), target))
    seen.append([one.driver for one in find_card(sys.argv[1], None).functions])
print(json.dumps(seen))
"""


def test_there_and_back_many_times(project: Project) -> None:
    seen = project.lab.python(MANY_TIMES, FIRST, "4", timeout=300)
    assert [tuple(drivers) for drivers in seen] == [VFIO, NVIDIA] * 4
    assert project.switched("vfio") == f"{FIRST} is on vfio now\n"
    assert project.drivers() == VFIO
    # The other card went through the unloading of the module.
    assert project.drivers(SECOND) == NVIDIA
    assert project.switched("nvidia") == f"{FIRST} is on nvidia now\n"
    assert project.drivers() == NVIDIA
    state = project.lab.state()
    assert set(state.overrides.values()) == {"(null)"}
    assert {"nvidia_uvm", "nvidia_modeset", "nvidia_drm"} <= state.modules
    assert project.switched("nvidia") == f"{FIRST} is on nvidia already\n"


def test_the_plan_says_each_step_and_changes_nothing(project: Project) -> None:
    before = project.lab.state()
    done = project.gpu("plan", "vfio", FIRST)
    assert done.status == 0, done.stderr
    for step in ("unload the module nvidia", f"bind {FIRST} to vfio-pci"):
        assert step in done.stdout
    assert project.lab.state() == before


@pytest.fixture
def with_all_modules(project: Project) -> Project:
    """With the modules loaded that need nvidia, as they are where its driver is in use."""
    project.lab.run("modprobe -a nvidia_uvm nvidia_modeset nvidia_drm")
    return project


@pytest.mark.parametrize("node", [CARDS[0].node, UVM])
def test_a_process_that_has_a_node_open_is_named_and_nothing_is_done(
    with_all_modules: Project, node: str
) -> None:
    project = with_all_modules
    before = project.lab.state()
    held = project.lab.hold(node)
    try:
        said = project.refused("vfio")
        assert f"sleep (pid {held.pid}) has {node} open" in said
        assert f"kill {held.pid}" in said
        assert project.lab.state() == before
    finally:
        held.kill()


@pytest.mark.parametrize(("node", "module"), [(CARDS[0].node, "nvidia"), (UVM, "nvidia_uvm")])
def test_a_module_that_cannot_be_unloaded_has_all_put_back(
    with_all_modules: Project, node: str, module: str
) -> None:
    """Whoever has its node open by another name is not found. The kernel refuses to unload the
    module, half-way through the others."""
    lab = with_all_modules.lab
    before = lab.state()
    elsewhere = "/root/elsewhere"
    lab.run(f"rm -f {elsewhere}; mknod {elsewhere} c $(stat -c '0x%t 0x%T' {node})")
    held = lab.hold(elsewhere)
    try:
        assert f"Module {module} is in use" in with_all_modules.refused("vfio")
        after = lab.state()
        assert replace(after, modules=after.modules - {"vfio_pci"}) == replace(
            before, modules=before.modules - {"vfio_pci"}
        )
        assert "group-" not in _written(lab)
    finally:
        held.kill()


def test_sound_that_plays_is_not_unbound(project: Project) -> None:
    control = project.lab.run("ls -d /sys/bus/pci/devices/0000:01:00.1/sound/card*/controlC*")
    node = "/dev/snd/" + control.stdout.strip().rpartition("/")[2]
    held = project.lab.hold(node)
    try:
        assert f"(pid {held.pid}) has {node} open" in project.refused("vfio")
        assert project.drivers() == NVIDIA
    finally:
        held.kill()


DAEMON = f"""\
#!/bin/sh
exec 3<{CARDS[0].node}
while :; do sleep 1000 3<&-; done
"""
UNIT = """\
[Service]
ExecStart=/usr/local/sbin/nvidia-persistenced
TimeoutStopSec=1
"""


def test_the_daemon_that_keeps_the_card_open_is_stopped_for_the_switch(project: Project) -> None:
    lab = project.lab
    lab.write("/usr/local/sbin/nvidia-persistenced", DAEMON)
    lab.write("/etc/systemd/system/nvidia-persistenced.service", UNIT)
    lab.run("chmod +x /usr/local/sbin/nvidia-persistenced; systemctl daemon-reload")
    lab.run("systemctl start nvidia-persistenced")
    before = lab.run("systemctl show --value --property=MainPID nvidia-persistenced").stdout
    try:
        project.switched("vfio")
        assert project.drivers() == VFIO
        # The other card has it again.
        assert lab.run("systemctl is-active nvidia-persistenced").stdout == "active\n"
        after = lab.run("systemctl show --value --property=MainPID nvidia-persistenced").stdout
        assert after != before
    finally:
        lab.run("systemctl stop nvidia-persistenced")
        project.switched("nvidia")
        lab.run("rm /etc/systemd/system/nvidia-persistenced.service; systemctl daemon-reload")


def test_a_function_on_a_driver_that_nobody_knows_is_left_there(project: Project) -> None:
    audio = CARDS[0].audio
    project.lab.root.script(
        "modprobe pci-stub\n"
        "cd /sys/bus/pci/devices/$1\n"
        "echo pci-stub >driver_override\n"
        "echo $1 >driver/unbind\n"
        "echo $1 >/sys/bus/pci/drivers_probe\n",
        audio,
    )
    before = project.lab.state()
    assert f"{audio} is on pci-stub, which charly does not switch" in project.refused("vfio")
    assert project.lab.state() == before


def test_the_hosts_own_card_is_never_switched(project: Project) -> None:
    assert "it is the host's own" in project.refused("vfio", "0000:00:05.0")


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
    before = fresh_lab.state().drivers, _written(fresh_lab)
    for words in (("mode", "vfio", FIRST), ("recover", FIRST)):
        done = project.gpu(*words)
        assert done.status == 1, done.stdout
        assert "an ordinary reboot may hang as well" in done.stderr
    assert (fresh_lab.state().drivers, _written(fresh_lab)) == before
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
    before = lab.state().drivers, _written(lab)
    claimed = ordinary.charly("claim", "nvidia-gpu", "--", "true")
    recovered = project.gpu("recover", FIRST)
    for refused in (claimed, recovered):
        assert refused.status == 1, refused.stdout
        assert "reboot" in refused.stderr
    assert (lab.state().drivers, _written(lab)) == before

    lab.reset()
    assert make_project(lab, lab.root).status()["obstacles"] == []
    assert _written(lab) == ""


def _written(lab: Lab) -> str:
    """What is on record of switches, and when each file was made and written."""
    look = "cd /run/charly/gpu 2>/dev/null && stat -c '%n %i %y' . * && cat *"
    return lab.run(look, check=False).stdout


def _seconds(project: Project) -> float:
    began = time.monotonic()
    assert project.gpu("status").status == 0
    return time.monotonic() - began


NOT_FOR_ALL = """\
find /run/charly -type d ! -perm -o=rx -print -o -type f ! -perm -o=r -print
"""


def test_an_ordinary_account_switches_by_sudo(cards: Lab) -> None:
    """And reads what root has written of it, also where its umask, which sudo hands on, is none
    that lets others read."""
    cards.run("rm -rf /run/charly")
    project = make_project(cards, cards.user)
    closed = f"cd {project.directory} && umask 077 && charly vm gpu mode vfio {FIRST}"
    try:
        cards.user.run(closed, timeout=SECONDS)
        assert project.drivers() == VFIO
        assert cards.run("ls /run/charly/gpu").stdout == "lock\n"
        assert cards.run(NOT_FOR_ALL).stdout == ""
        assert project.status()["state"] == "vfio"
        assert project.gpu("plan", "nvidia", FIRST).status == 0
    finally:
        project.switched("nvidia")


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
