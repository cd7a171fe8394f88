"""An order is done step by step, and what was done is taken back when a step fails, hangs, or when
whoever does it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fake_host import AUDIO, BOOT_ID, GPU, SECOND_AUDIO, SECOND_GPU, FakeHost

import charly_vm.gpu.executor as executor_module
from charly_vm.gpu.actions import ActionFailed
from charly_vm.gpu.cards import Card, Mode, find_cards
from charly_vm.gpu.executor import Executor, StepFailed, Stuck
from charly_vm.gpu.inventory import read_inventory
from charly_vm.gpu.journal import Done, Journal, Switch
from charly_vm.gpu.plan import Plan, plan_switch
from charly_vm.gpu.root import HostRoot
from charly_vm.gpu.situation import observe
from charly_vm.gpu.steps import Before, Kind, Step, as_data

pytestmark = pytest.mark.slow

ON_NVIDIA = {GPU: "nvidia", AUDIO: "snd_hda_intel"}
ON_VFIO = {GPU: "vfio-pci", AUDIO: "vfio-pci"}
ALL = ("nvidia", "nvidia_uvm", "nvidia_modeset", "nvidia_drm", "snd_hda_intel")
QUICK = dict.fromkeys(Kind, 2.0)


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    made = FakeHost(tmp_path)
    made.add_card()
    made.load(*ALL)
    return made


def card_of(host: FakeHost, address: str = GPU) -> Card:
    return next(one for one in find_cards(read_inventory(host.root)) if one.address == address)


def plan_of(host: FakeHost, target: Mode) -> Plan:
    plan = plan_switch(observe(card_of(host), root=host.root), target)
    assert plan.refusals == ()
    return plan


def executor(host: FakeHost, perform: Callable[[HostRoot, Step], None] | None = None) -> Executor:
    said: list[str] = []
    return Executor(
        Journal(host.root), host.root, said.append, perform or host.perform, seconds=QUICK
    )


def overrides(host: FakeHost) -> set[str]:
    return {(one / "driver_override").read_text().strip() for one in host.root.devices.iterdir()}


def test_there_and_back(host: FakeHost) -> None:
    executor(host).run(plan_of(host, Mode.VFIO).order)
    assert host.drivers() == ON_VFIO
    assert not {"nvidia", "nvidia_uvm", "nvidia_drm"} & set(host.modules())
    assert overrides(host) == {"(null)"}
    assert card_of(host).mode is Mode.VFIO
    executor(host).run(plan_of(host, Mode.NVIDIA).order)
    assert host.drivers() == ON_NVIDIA
    assert set(host.modules()) >= set(ALL)
    assert overrides(host) == {"(null)"}
    assert Journal(host.root).find_switch(1) is None


def test_a_card_that_is_there_already_takes_no_step(host: FakeHost) -> None:
    assert plan_of(host, Mode.NVIDIA).steps == ()


def test_other_cards_have_their_driver_again(host: FakeHost) -> None:
    host.add_card("0000:02:00", group=2)
    plan = plan_of(host, Mode.VFIO)
    executor(host).run(plan.order)
    assert host.drivers() == {**ON_VFIO, SECOND_GPU: "nvidia", SECOND_AUDIO: "snd_hda_intel"}
    assert set(host.modules()) >= set(ALL)


def at_step(
    host: FakeHost, number: int, happen: Callable[[], None], *, then: bool
) -> Callable[[HostRoot, Step], None]:
    """The host's kernel, where something happens at one step, before or after it is done."""
    count = host.write("count", "0")

    def perform(root: HostRoot, step: Step) -> None:
        done = int(count.read_text())
        count.write_text(str(done + 1))
        if done == number and not then:
            happen()
        host.perform(root, step)
        if done == number:
            happen()

    return perform


def refuse() -> None:
    raise ActionFailed("the kernel does not want to")


def kill_parent() -> None:
    """The child's parent is whoever switches."""
    os.kill(os.getppid(), signal.SIGKILL)


def make_host(directory: Path, target: Mode, *, beside: bool) -> FakeHost:
    """One whose card is to be switched to a mode, and `beside` it one that stays on nvidia."""
    host = FakeHost(directory)
    host.add_card(mode="vfio" if target is Mode.NVIDIA else "nvidia")
    if beside:
        host.add_card("0000:02:00", group=2)
    if target is Mode.NVIDIA:
        host.load("vfio_pci")
    if target is Mode.VFIO or beside:
        host.load(*ALL)
    return host


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside another"])
@pytest.mark.parametrize("target", list(Mode))
def test_whichever_step_fails_all_is_as_before(tmp_path: Path, target: Mode, beside: bool) -> None:
    probe = make_host(tmp_path / "probe", target, beside=beside)
    steps = plan_of(probe, target).steps
    assert len(steps) > 8
    for number, failing in enumerate(steps):
        if failing.optional:
            continue
        host = make_host(tmp_path / str(number), target, beside=beside)
        before = host.drivers(), set(host.modules()) - {"vfio_pci", "snd_hda_intel"}
        perform = at_step(host, number, refuse, then=False)
        with pytest.raises(StepFailed, match="the kernel does not want to"):
            executor(host, perform).run(plan_of(host, target).order)
        after = host.drivers(), set(host.modules()) - {"vfio_pci", "snd_hda_intel"}
        assert after == before, f"step {number}: {failing}"
        assert overrides(host) == {"(null)"}
        assert Journal(host.root).find_switch(1) is None


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside another"])
@pytest.mark.parametrize("target", list(Mode))
def test_whoever_is_killed_at_a_step_leaves_what_the_next_one_takes_back(
    tmp_path: Path, target: Mode, beside: bool
) -> None:
    for number in range(20):
        host = make_host(tmp_path / str(number), target, beside=beside)
        before = host.drivers(), set(host.modules()) - {"vfio_pci", "snd_hda_intel"}
        order = plan_of(host, target).order
        if number >= len(order.steps):
            break
        perform = at_step(host, number, kill_parent, then=True)
        child = os.fork()
        if child == 0:
            with Journal(host.root).held(1):
                executor(host, perform).run(order)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
        journal = Journal(host.root)
        left = journal.find_switch(1)
        assert left is not None, f"step {number}"
        with journal.held(5):
            assert executor(host).take_back_left(left) == []
        after = host.drivers(), set(host.modules()) - {"vfio_pci", "snd_hda_intel"}
        assert after == before, f"step {number}: {order.steps[number]}"
        assert journal.find_switch(1) is None


def test_the_child_of_one_who_was_killed_is_waited_for(tmp_path: Path) -> None:
    """It goes on with its step, which must not be taken back before it is done."""
    host = make_host(tmp_path, Mode.VFIO, beside=False)
    before = host.drivers()
    order = plan_of(host, Mode.VFIO).order

    def perform(root: HostRoot, step: Step) -> None:
        if step == Step(Kind.UNLOAD, name="nvidia"):
            kill_parent()
            time.sleep(0.5)
        host.perform(root, step)

    child = os.fork()
    if child == 0:
        executor(host, perform).run(order)
        os._exit(0)
    os.waitpid(child, 0)
    left = Journal(host.root).find_switch(1)
    assert left is not None
    assert left.child
    assert host.drivers() == before
    assert executor(host).take_back_left(left) == []
    assert host.drivers() == before
    assert "nvidia" in host.modules()
    time.sleep(0.6)
    assert host.drivers() == before


def test_what_waits_for_anything_but_the_kernel_is_killed_and_taken_back(host: FakeHost) -> None:
    def perform(root: HostRoot, step: Step) -> None:
        if step.kind is Kind.OVERRIDE:
            time.sleep(60)
        host.perform(root, step)

    one = replace(executor(host, perform), seconds={**QUICK, Kind.OVERRIDE: 0.1})
    with pytest.raises(StepFailed, match="did not end within 0 s, and was killed"):
        one.run(plan_of(host, Mode.VFIO).order)


def test_a_driver_that_does_not_end_poisons_the_card_until_the_next_boot(host: FakeHost) -> None:
    def perform(root: HostRoot, step: Step) -> None:
        if step.kind is Kind.UNLOAD and step.name == "nvidia":
            host.add_process(4242, "rmmod")
            host.add_task(4242, 4242, "rmmod", "D", "msleep", "nv_pci_remove_helper.cold")
            return
        host.perform(root, step)

    with pytest.raises(Stuck, match=r"rmmod \(pid 4242\) in uninterruptible sleep in nv_pci_rem"):
        executor(host, perform).run(plan_of(host, Mode.VFIO).order)
    poison = Journal(host.root).find_poison(1)
    assert poison is not None
    assert poison.addresses == (GPU, AUDIO)
    refused = plan_switch(observe(card_of(host), root=host.root), Mode.VFIO).refusals
    assert any("given up for this boot" in one.reason for one in refused)
    assert all("sysrq" in one.remedy for one in refused[:2])
    host.write("proc/sys/kernel/random/boot_id", "another boot")
    assert Journal(host.root).find_poison(1) is None


def test_one_who_opens_the_card_meanwhile_is_named_and_all_is_taken_back(host: FakeHost) -> None:
    order = plan_of(host, Mode.VFIO).order
    host.add_process(77, "python3", opened=("/dev/nvidia0",))
    with pytest.raises(StepFailed, match=r"python3 \(pid 77\) has /dev/nvidia0 open"):
        executor(host).run(order)
    assert host.drivers() == ON_NVIDIA
    assert set(host.modules()) >= set(ALL)


def test_a_bind_that_the_kernel_calls_done_is_not_believed(host: FakeHost) -> None:
    def perform(root: HostRoot, step: Step) -> None:
        if step.kind is not Kind.BIND or step.driver != "vfio-pci":
            host.perform(root, step)

    with pytest.raises(StepFailed, match=f"{GPU} is on no driver, and not on vfio-pci"):
        executor(host, perform).run(plan_of(host, Mode.VFIO).order)
    assert host.drivers() == ON_NVIDIA


def test_steps_are_written_as_data() -> None:
    step = Step(Kind.BIND, GPU, "vfio-pci")
    assert as_data(step) == {"kind": Kind.BIND, "address": GPU, "driver": "vfio-pci"}


def test_a_killed_ones_child_on_the_way_back_has_the_time_of_any_step(tmp_path: Path) -> None:
    """What it does is not the last step that is on record, which may be a quick one."""
    host = make_host(tmp_path, Mode.VFIO, beside=False)
    child = subprocess.Popen(["sleep", "0.5"])
    # Taken back by a step of another kind, which has time.
    done = Done(Step(Kind.UNLOAD, name="nvidia_uvm"), Before(loaded=True))
    began = executor_module._when_begun(child.pid)
    left = Switch(1, (GPU, AUDIO), "vfio", BOOT_ID, (done,), child.pid, began)
    one = executor(host)
    one.seconds = {**dict.fromkeys(Kind, 30.0), Kind.UNLOAD: 0.05}
    assert one.take_back_left(left) == []
    assert child.wait() == 0
    assert Journal(host.root).find_poison(1) is None
