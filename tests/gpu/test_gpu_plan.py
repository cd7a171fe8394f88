"""The steps from one mode to the other, and every reason for which a switch is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charly_vm.gpu.cards import Card, Mode, Screens
from charly_vm.gpu.holders import Holder, Holders
from charly_vm.gpu.inventory import Module
from charly_vm.gpu.pci import Function
from charly_vm.gpu.plan import REBOOT, Plan, Refusal, Situation, plan_switch, refuse_wedge
from charly_vm.gpu.steps import (
    DRIVERS,
    HOLDING_MODULES,
    MODULES,
    NVIDIA_MODULES,
    OTHER_DRIVERS,
    Kind,
    Step,
    read_order,
    render_order,
)
from charly_vm.gpu.wedge import StuckTask, WedgeCheck

GPU, AUDIO, USB = "0000:01:00.0", "0000:01:00.1", "0000:01:00.2"
SECOND_GPU, SECOND_AUDIO = "0000:02:00.0", "0000:02:00.1"
SERVICE = "nvidia-persistenced.service"
LOADED = {
    name: Module(name, 0) for name in ("nvidia", "nvidia_uvm", "nvidia_modeset", "nvidia_drm")
}
SOUND = {"snd_hda_intel": Module("snd_hda_intel", 1)}
AVAILABLE = frozenset(MODULES) - {"nvidia_peermem"}
DISPLAY_CLASS, AUDIO_CLASS, USB_CLASS = 0x030000, 0x040300, 0x0C0330


def card_on(
    display: str, sound: str, *others: Function, slot: str = "0000:01:00", group: int = 1
) -> Card:
    return Card(
        group,
        (
            Function(f"{slot}.0", 0x10DE, 0x28C2, DISPLAY_CLASS, display, group),
            Function(f"{slot}.1", 0x10DE, 0x22BE, AUDIO_CLASS, sound, group),
            *others,
        ),
    )


def port_on(driver: str) -> Function:
    return Function(USB, 0x10DE, 0x1AD8, USB_CLASS, driver, 1)


ON_NVIDIA = card_on("nvidia", "snd_hda_intel")
ON_VFIO = card_on("vfio-pci", "vfio-pci")
UNBOUND = card_on("", "")
CONTAINERS = Situation(ON_NVIDIA, modules={**LOADED, **SOUND}, available=AVAILABLE)
MACHINE = Situation(ON_VFIO, modules=SOUND, available=AVAILABLE)


def to_vfio(now: Situation) -> Plan:
    return plan_switch(now, Mode.VFIO)


def to_nvidia(now: Situation) -> Plan:
    return plan_switch(now, Mode.NVIDIA)


def words(steps: Iterable[Step]) -> list[str]:
    return [
        " ".join(filter(None, (step.kind.value, step.address, step.driver, step.name)))
        for step in steps
    ]


def bound(address: str, driver: str, *, loads: bool = False) -> list[str]:
    load = [f"load {driver}"] if loads else []
    return [
        f"override {address} {driver}",
        *load,
        f"bind {address} {driver}",
        f"override {address}",
    ]


# The steps.


def test_to_a_machine_nvidia_is_left_by_its_modules_and_then_all_are_bound() -> None:
    plan = to_vfio(CONTAINERS)
    assert plan.refusals == ()
    assert words(plan.steps) == [
        "load vfio-pci",
        "unload nvidia_drm",
        "unload nvidia_modeset",
        "unload nvidia_uvm",
        "unload nvidia",
        f"unbind {AUDIO} snd_hda_intel",
        *bound(GPU, "vfio-pci"),
        *bound(AUDIO, "vfio-pci"),
    ]
    assert plan.expected == {GPU: "vfio-pci", AUDIO: "vfio-pci"}
    assert not any(step.optional for step in plan.steps)


def test_to_containers_each_gets_its_driver_and_what_else_there_is_of_it() -> None:
    plan = to_nvidia(MACHINE)
    assert plan.refusals == ()
    assert words(plan.steps) == [
        f"unbind {GPU} vfio-pci",
        f"unbind {AUDIO} vfio-pci",
        *bound(GPU, "nvidia", loads=True),
        *bound(AUDIO, "snd_hda_intel", loads=True),
        "load nvidia_uvm",
        "load nvidia_modeset",
        "load nvidia_drm",
    ]
    assert plan.expected == {GPU: "nvidia", AUDIO: "snd_hda_intel"}
    assert [step.optional for step in plan.steps[-3:]] == [True, True, True]
    assert not any(step.optional for step in plan.steps[:-3])


@pytest.mark.parametrize(
    ("now", "target"), [(CONTAINERS, Mode.NVIDIA), (MACHINE, Mode.VFIO)], ids=["nvidia", "vfio"]
)
def test_a_card_that_is_there_takes_no_step(now: Situation, target: Mode) -> None:
    plan = plan_switch(replace(now, persistence=True, makes_cdi=True), target)
    assert (plan.steps, plan.refusals) == ((), ())
    # Sound without a driver is as good, and is not waited for where only poison is to be cleared.
    assert plan.expected == {}


def test_what_was_on_vfio_before_is_not_bound_anew() -> None:
    now = replace(CONTAINERS, card=card_on("nvidia", "vfio-pci"))
    plan = to_vfio(now)
    assert not [step for step in plan.steps if step.address == AUDIO]
    assert words(plan.steps)[-3:] == bound(GPU, "vfio-pci")
    back = to_nvidia(now)
    assert words(back.steps)[:5] == [
        f"unbind {AUDIO} vfio-pci",
        *bound(AUDIO, "snd_hda_intel", loads=True),
    ]
    assert not [step for step in back.steps if step.address == GPU]


def test_an_unbound_card_leaves_nobody() -> None:
    plan = to_vfio(replace(CONTAINERS, card=UNBOUND))
    assert words(plan.steps) == [
        "load vfio-pci",
        *bound(GPU, "vfio-pci"),
        *bound(AUDIO, "vfio-pci"),
    ]
    other = card_on("nvidia", "", slot="0000:02:00", group=2)
    beside = to_vfio(replace(CONTAINERS, card=UNBOUND, others=(other,), persistence=True))
    assert beside.steps == plan.steps
    assert words(to_nvidia(replace(MACHINE, card=UNBOUND)).steps)[:8] == [
        *bound(GPU, "nvidia", loads=True),
        *bound(AUDIO, "snd_hda_intel", loads=True),
    ]


def test_a_port_of_the_card_goes_to_the_machine_and_stays_where_it_is_on_the_way_back() -> None:
    plan = to_vfio(replace(CONTAINERS, card=card_on("nvidia", "", port_on("xhci_hcd"))))
    assert plan.refusals == ()
    assert f"unbind {USB} xhci_hcd" in words(plan.steps)
    assert words(plan.steps)[-3:] == bound(USB, "vfio-pci")
    assert plan.expected[USB] == "vfio-pci"
    back = to_nvidia(replace(MACHINE, card=card_on("vfio-pci", "vfio-pci", port_on("vfio-pci"))))
    assert back.refusals == ()
    assert not [step for step in back.steps if step.address == USB]
    assert USB not in back.expected


def test_a_host_without_a_driver_for_sound_leaves_it_without_one() -> None:
    now = replace(MACHINE, modules={}, available=AVAILABLE - {"snd_hda_intel"})
    plan = to_nvidia(now)
    assert plan.refusals == ()
    assert words(plan.steps)[:6] == [
        f"unbind {GPU} vfio-pci",
        f"unbind {AUDIO} vfio-pci",
        *bound(GPU, "nvidia", loads=True),
    ]
    assert [step for step in plan.steps if step.address == AUDIO] == [
        Step(Kind.UNBIND, AUDIO, "vfio-pci")
    ]
    assert "load snd_hda_intel" not in words(plan.steps)
    assert plan.expected == {GPU: "nvidia"}


def test_other_cards_have_their_driver_again() -> None:
    other = card_on("nvidia", "snd_hda_intel", slot="0000:02:00", group=2)
    plan = to_vfio(replace(CONTAINERS, others=(other,)))
    assert words(plan.steps)[-4:] == [
        "load nvidia",
        "load nvidia_uvm",
        "load nvidia_modeset",
        "load nvidia_drm",
    ]
    assert plan.expected == {GPU: "vfio-pci", AUDIO: "vfio-pci", SECOND_GPU: "nvidia"}
    assert not [step for step in plan.steps if step.address.startswith("0000:02")]


@pytest.mark.parametrize("driver", ["vfio-pci", "", "amdgpu"])
def test_other_cards_that_are_elsewhere_are_no_matter(driver: str) -> None:
    other = card_on(driver, "", slot="0000:02:00", group=2)
    assert to_vfio(replace(CONTAINERS, others=(other,))) == to_vfio(CONTAINERS)


def test_only_modules_that_are_loaded_are_unloaded_each_after_those_that_use_it() -> None:
    now = replace(CONTAINERS, modules={name: Module(name, 0) for name in NVIDIA_MODULES})
    unloaded = [step.name for step in to_vfio(now).steps if step.kind is Kind.UNLOAD]
    assert unloaded == [*HOLDING_MODULES, "nvidia"]
    bare = replace(CONTAINERS, modules={"nvidia": Module("nvidia", 0)})
    assert [step.name for step in to_vfio(bare).steps if step.kind is Kind.UNLOAD] == ["nvidia"]


def test_the_persistence_daemon_is_stopped_first_and_started_last() -> None:
    plan = to_vfio(replace(CONTAINERS, persistence=True))
    assert words(plan.steps)[:3] == [
        "load vfio-pci",
        f"stop-service {SERVICE}",
        "unload nvidia_drm",
    ]
    assert not [step for step in plan.steps if step.kind is Kind.START_SERVICE]
    back = to_nvidia(replace(MACHINE, persistence=True))
    assert back.steps[-1] == Step(Kind.START_SERVICE, name=SERVICE, optional=True)
    other = card_on("nvidia", "", slot="0000:02:00", group=2)
    both = to_vfio(replace(CONTAINERS, persistence=True, others=(other,)))
    assert both.steps[-1] == Step(Kind.START_SERVICE, name=SERVICE)


def test_containers_are_told_of_the_card_at_the_end() -> None:
    plan = to_nvidia(replace(MACHINE, makes_cdi=True, persistence=True))
    assert plan.steps[-1] == Step(Kind.REFRESH_CDI, optional=True)
    away = to_vfio(replace(CONTAINERS, makes_cdi=True))
    assert not [step for step in away.steps if step.kind is Kind.REFRESH_CDI]


# The refusals.


def refusal(plan: Plan) -> Refusal:
    [one] = plan.refusals
    return one


STUCK = StuckTask(42, 42, "rmmod", ("msleep", "nv_pci_remove"))
ENDING = StuckTask(43, 43, "tee", ("__mutex_lock", "device_release_driver_internal"))


@pytest.mark.parametrize("target", list(Mode))
def test_a_wedge_forbids_every_switch(target: Mode) -> None:
    for now in (CONTAINERS, MACHINE):
        one = refusal(plan_switch(replace(now, wedge=WedgeCheck((ENDING, STUCK))), target))
        assert one.reason == (
            "the driver does not let go of a device: rmmod (pid 42) in uninterruptible sleep in "
            "nv_pci_remove"
        )
        assert one.remedy == REBOOT
        assert "reset of the host" in one.remedy
        assert "/proc/sysrq-trigger" in one.remedy


def test_a_driver_that_is_just_ending_is_to_be_waited_for() -> None:
    one = refusal(to_vfio(replace(CONTAINERS, wedge=WedgeCheck((ENDING,)))))
    assert one.reason.startswith("a driver is just being removed from a device: tee (pid 43)")
    assert one.remedy == f"wait for it; where it does not end, {REBOOT}"


def test_sleepers_whose_stack_is_closed_forbid_nothing() -> None:
    """An ordinary user sees one at every second look; the helper looks as root."""
    assert to_vfio(replace(CONTAINERS, wedge=WedgeCheck(closed=(STUCK,)))).refusals == ()


def test_a_card_that_is_given_up_is_not_touched() -> None:
    one = refusal(to_vfio(replace(CONTAINERS, poison="rmmod does not end")))
    assert one.reason == "the card has been given up for this boot: rmmod does not end"
    assert "charly vm gpu recover" in one.remedy
    assert one.remedy.endswith(REBOOT)
    both = list(refuse_wedge(WedgeCheck((STUCK,)), "it was"))
    assert [each.remedy for each in both] == [REBOOT, REBOOT]


def test_what_was_interrupted_of_a_card_that_is_given_up_is_no_matter() -> None:
    unfinished = Refusal("a switch to vfio was interrupted", "charly vm gpu recover")
    now = replace(CONTAINERS, poison="rmmod does not end", unfinished=unfinished)
    assert refusal(to_vfio(now)).reason.startswith("the card has been given up")


def test_where_stacks_are_closed_another_card_that_is_given_up_forbids_it() -> None:
    wedge = WedgeCheck(closed=(STUCK,), suspected=("rmmod does not end",))
    one = refusal(to_vfio(replace(CONTAINERS, wedge=wedge)))
    assert one.reason.endswith("whose driver may hang: rmmod does not end")
    assert one.remedy.startswith("`sudo charly vm gpu recover`")


def test_an_unfinished_switch_is_recovered_first() -> None:
    unfinished = Refusal("a switch to vfio was interrupted", "charly vm gpu recover")
    assert refusal(to_vfio(replace(CONTAINERS, unfinished=unfinished))) == unfinished


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (
            replace(CONTAINERS, card=card_on("nouveau", "snd_hda_intel")),
            f"{GPU} is driven by nouveau for the host itself",
        ),
        (
            replace(CONTAINERS, screens=Screens(masters=[GPU])),
            f"a program draws on the display of {GPU}",
        ),
        (
            replace(CONTAINERS, screens=Screens(consoles=[GPU])),
            f"the host's console is on the framebuffer of {GPU}",
        ),
    ],
)
def test_the_hosts_own_card_is_never_switched(now: Situation, why: str) -> None:
    one = refusal(to_vfio(now))
    assert one.reason == f"it is the host's own: {why}"
    assert "vfio-pci.ids=" in one.remedy


@pytest.mark.parametrize("target", list(Mode))
def test_without_an_iommu_no_card_goes_anywhere(target: Mode) -> None:
    card = card_on("nvidia", "snd_hda_intel", group=-1)
    one = refusal(plan_switch(replace(CONTAINERS, card=card), target))
    assert one.reason == "no IOMMU translates for it"
    assert "intel_iommu=on" in one.remedy
    assert "firmware" in one.remedy


def test_what_else_is_in_the_group_would_go_with_the_card() -> None:
    network = Function("0000:03:00.0", 0x8086, 0x1533, 0x020000, "igb", 1)
    plan = to_vfio(replace(CONTAINERS, card=card_on("nvidia", "snd_hda_intel", network)))
    foreign, driver = plan.refusals
    assert foreign.reason == "its IOMMU group 1 has 0000:03:00.0 too, which is not of the card"
    assert foreign.remedy == "plug one of them into another slot"
    assert driver.reason == "0000:03:00.0 is on igb, which charly does not switch"


@pytest.mark.parametrize(
    ("change", "parent"), [({"virtual": 2}, GPU), ({"physical": "0000:01:00.4"}, "0000:01:00.4")]
)
def test_what_is_shared_by_virtual_functions_is_not_switched(
    change: Mapping[str, Any], parent: str
) -> None:
    display, sound = ON_NVIDIA.functions
    card = Card(1, (replace(display, **change), sound))
    one = refusal(to_vfio(replace(CONTAINERS, card=card)))
    assert one.reason == f"{GPU} is shared by SR-IOV"
    assert one.remedy == f"echo 0 | sudo tee /sys/bus/pci/devices/{parent}/sriov_numvfs"


@pytest.mark.parametrize("target", list(Mode))
@pytest.mark.parametrize("driver", ["snd_sof_pci", "nvidia"])
def test_sound_on_a_driver_that_nobody_knows_is_left_there(driver: str, target: Mode) -> None:
    plan = plan_switch(replace(CONTAINERS, card=card_on("vfio-pci", driver)), target)
    one = refusal(plan)
    assert one.reason == f"{AUDIO} is on {driver}, which charly does not switch"
    assert f"blacklist {driver}" in one.remedy


PROCESS = Holder("python3", ("/dev/nvidia0", "/dev/nvidiactl"), 77)
CONTAINER = Holder("ollama", ("/dev/nvidia-uvm",), 78, "0123456789ab")
DAEMON = Holder("nvidia-persiste", ("/dev/nvidia0",), 79)


@pytest.mark.parametrize(
    ("holder", "reason", "remedy"),
    [
        (
            PROCESS,
            "python3 (pid 77) has /dev/nvidia0, /dev/nvidiactl open",
            "end it: kill 77",
        ),
        (
            Holder("ollama", ("/dev/nvidia0",), 77, unit="ollama.service"),
            "ollama (pid 77) has /dev/nvidia0 open",
            "systemctl stop ollama.service, and start it again after the switch",
        ),
        (
            CONTAINER,
            "ollama (pid 78, container 0123456789ab) has /dev/nvidia-uvm open",
            "stop the container 0123456789ab",
        ),
        (
            Holder("pipewire", ("/dev/snd/controlC1",), 79),
            "pipewire (pid 79) has /dev/snd/controlC1 open",
            "systemctl --user stop pipewire, and start it again after the switch",
        ),
        (Holder("gdrdrv"), "the module gdrdrv uses nvidia", "rmmod gdrdrv"),
        (
            Holder("", ("/dev/nvidia0",), 80),
            " (pid 80) has /dev/nvidia0 open",
            "end it: kill 80",
        ),
        (
            Holder("nvidia", ("/dev/nvidia0",), 81),
            "nvidia (pid 81) has /dev/nvidia0 open",
            "end it: kill 81",
        ),
    ],
)
def test_whoever_uses_the_card_is_named(holder: Holder, reason: str, remedy: str) -> None:
    one = refusal(to_vfio(replace(CONTAINERS, holders=Holders((holder,)))))
    assert one == Refusal(reason, remedy)


def test_what_the_switch_itself_ends_is_in_nobodys_way() -> None:
    known = tuple(Holder(name) for name in HOLDING_MODULES)
    plan = to_vfio(replace(CONTAINERS, holders=Holders((*known, DAEMON), hidden=300)))
    assert plan.refusals == ()
    # What is to be stopped is, though the daemon was not seen to run.
    assert not [step for step in to_vfio(CONTAINERS).steps if step.kind is Kind.STOP_SERVICE]


def test_each_of_them_is_named() -> None:
    plan = to_vfio(replace(CONTAINERS, holders=Holders((PROCESS, CONTAINER))))
    remedies = [one.remedy for one in plan.refusals]
    assert remedies == ["end it: kill 77", "stop the container 0123456789ab"]


def test_a_guest_that_has_the_card_keeps_it_from_containers() -> None:
    guest = Holder("qemu-system-x86", ("/dev/vfio/1",), 90)
    one = refusal(to_nvidia(replace(MACHINE, holders=Holders((guest,)))))
    assert one.reason == "qemu-system-x86 (pid 90) has /dev/vfio/1 open"
    # To where it is already, nothing is in the way.
    assert to_vfio(replace(MACHINE, holders=Holders((guest,)))).refusals == ()


@pytest.mark.parametrize("vendor", [0x1002, 0x8086])
def test_another_makers_card_serves_no_containers(vendor: int) -> None:
    display, sound = ON_VFIO.functions
    card = Card(1, (replace(display, vendor=vendor), sound))
    one = refusal(to_nvidia(replace(MACHINE, card=card, available=AVAILABLE - {"nvidia"})))
    assert one.reason == "only NVIDIA's cards are switched to containers"
    assert to_vfio(replace(MACHINE, card=card)).refusals == ()


@pytest.mark.parametrize(
    ("now", "target", "missing", "told"),
    [
        (CONTAINERS, Mode.VFIO, "vfio-pci", "there is no module vfio-pci for this kernel"),
        (MACHINE, Mode.NVIDIA, "nvidia", "there is no module nvidia for this kernel"),
    ],
)
def test_a_driver_that_is_not_there_is_told(
    now: Situation, target: Mode, missing: str, told: str
) -> None:
    without = replace(now, available=AVAILABLE - {missing})
    one = refusal(plan_switch(without, target))
    assert one.reason == told
    assert one.remedy.startswith("install")
    loaded = missing.replace("-", "_")
    there = replace(without, modules={**now.modules, loaded: Module(loaded, 0)})
    assert plan_switch(there, target).refusals == ()


def test_every_reason_is_told_at_once() -> None:
    now = replace(
        CONTAINERS,
        wedge=WedgeCheck((STUCK,)),
        poison="it hangs",
        unfinished=Refusal("a switch was interrupted", "charly vm gpu recover"),
        screens=Screens(consoles=[GPU]),
        holders=Holders((PROCESS,)),
        available=frozenset(),
    )
    assert len(to_vfio(now).refusals) == 5
    assert all(one.remedy for one in to_vfio(now).refusals)


# Whatever is so.

every_driver = st.sampled_from(["", *DRIVERS, *OTHER_DRIVERS, "nouveau", "snd_sof_pci"])


@st.composite
def cards(draw: st.DrawFn, slot: str = "0000:01:00", group: int = 1) -> Card:
    classes = [
        DISPLAY_CLASS,
        *draw(st.lists(st.sampled_from([AUDIO_CLASS, USB_CLASS]), max_size=3)),
    ]
    return Card(
        group,
        tuple(
            Function(f"{slot}.{number}", 0x10DE, 0x28C2, pci_class, draw(every_driver), group)
            for number, pci_class in enumerate(classes)
        ),
    )


def with_its_driver(now: Situation) -> Situation:
    """What a function is on is loaded."""
    used = {one.driver for card in (now.card, *now.others) for one in card.functions}
    loaded = {name: Module(name, 1) for name in NVIDIA_MODULES if name in used}
    return replace(now, modules={**now.modules, **loaded})


situations = st.builds(
    Situation,
    card=cards(),
    others=st.lists(cards("0000:02:00", 2), max_size=1).map(tuple),
    modules=st.sets(st.sampled_from([one.replace("-", "_") for one in MODULES])).map(
        lambda names: {name: Module(name, 0) for name in names}
    ),
    available=st.frozensets(st.sampled_from(MODULES)),
    persistence=st.booleans(),
    makes_cdi=st.booleans(),
).map(with_its_driver)
targets = st.sampled_from(list(Mode))


@given(situations, targets)
def test_no_plan_takes_anything_from_nvidia_but_by_its_modules(
    now: Situation, target: Mode
) -> None:
    plan = plan_switch(now, target)
    assert not [step for step in plan.steps if step.kind is Kind.UNBIND and step.driver == "nvidia"]


@given(situations, targets)
def test_every_override_is_cleared_before_the_next_one_is_set(now: Situation, target: Mode) -> None:
    """One that is left would keep the function from its driver at the next boot of a module."""
    set_on = ""
    for step in plan_switch(now, target).steps:
        if step.kind is Kind.OVERRIDE and step.driver:
            assert not set_on
            set_on = step.address
        elif step.kind is Kind.OVERRIDE:
            assert step.address == set_on
            set_on = ""
        elif step.kind is Kind.BIND:
            assert step.address == set_on
    assert not set_on


@given(situations, targets)
def test_every_plan_that_may_be_made_is_an_order_of_the_closed_set(
    now: Situation, target: Mode
) -> None:
    plan = plan_switch(now, target)
    if not plan.refusals:
        assert read_order(render_order(plan.order)) == plan.order


@given(situations, targets)
def test_whoever_does_the_steps_ends_where_the_plan_says(now: Situation, target: Mode) -> None:
    plan = plan_switch(now, target)
    if plan.refusals or not plan.steps:
        return
    everything = [one for card in (now.card, *now.others) for one in card.functions]
    drivers = {one.address: one.driver for one in everything}
    displays = {one.address for one in everything if one.is_display}
    for step in plan.steps:
        if step.kind is Kind.UNBIND:
            assert drivers[step.address] == step.driver
            drivers[step.address] = ""
        elif step.kind is Kind.BIND:
            assert drivers[step.address] in ("", step.driver)
            drivers[step.address] = step.driver
        elif step.kind is Kind.UNLOAD and step.name == "nvidia":
            drivers |= {one: "" for one in displays if drivers[one] == "nvidia"}
        elif step.kind is Kind.LOAD and step.name == "nvidia":
            overridden = {one.address for one in now.card.functions}
            drivers |= {one: "nvidia" for one in displays - overridden if not drivers[one]}
    found = {address: drivers[address] for address in plan.expected}
    assert found == plan.expected
    after = Card(
        now.card.group,
        tuple(replace(one, driver=drivers[one.address]) for one in now.card.functions),
    )
    assert after.mode is target
