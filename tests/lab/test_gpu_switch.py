"""The switch of a card on a real kernel: there and back, refused, taken back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from gpu_lab import Lab
from lab_cards import CARDS
from lab_commands import FIRST, NVIDIA, SECOND, SECONDS, VFIO, Project, journal_of, make_project

pytestmark = [pytest.mark.lab, pytest.mark.timeout(1500)]

UVM = "/dev/nvidia-uvm"


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
        assert "group-" not in journal_of(lab)
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
