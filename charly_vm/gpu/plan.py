"""From one mode to the other: the steps, or why not. Pure; what is so comes in as a `Situation`.

Binding is harmless. Leaving nvidia is the danger: its `remove` waits, uninterruptibly and with the
device's lock, for as long as anybody uses the card. So nvidia is left by unloading its modules one
by one, which the kernel refuses at once while somebody uses them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from charly_vm.gpu.cards import NVIDIA, SOUND, VFIO, Card, Mode, Screens, wanted_driver, why_own
from charly_vm.gpu.holders import Holder, Holders
from charly_vm.gpu.inventory import Module
from charly_vm.gpu.pci import Function
from charly_vm.gpu.steps import (
    DRIVERS,
    HOLDING_MODULES,
    NVIDIA_MODULES,
    OTHER_DRIVERS,
    SERVICES,
    Kind,
    Order,
    Step,
)
from charly_vm.gpu.wedge import WedgeCheck

OTHER_MAKERS = (0x1002, 0x8086)
"""AMD and Intel, whose drivers are not nvidia."""
SOUND_SERVERS = ("wireplumber", "pipewire", "pulseaudio")
"""They have every sound card open, a display's own included."""
REBOOT = (
    "reboot required: only a reset of the host helps, and an ordinary reboot may hang as well: "
    "write b to /proc/sysrq-trigger, or use the power switch"
)


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a switch of one card depends on."""

    card: Card
    others: tuple[Card, ...] = ()
    """The other cards of the host: those on nvidia go through the unloading of its modules too."""
    modules: Mapping[str, Module] = field(default_factory=dict)
    available: frozenset[str] = frozenset()
    """Modules that can be loaded."""
    holders: Holders = field(default_factory=Holders)
    """Of any node of the card's and, where it is on nvidia, of the driver's."""
    screens: Screens = field(default_factory=Screens)
    wedge: WedgeCheck = field(default_factory=WedgeCheck)
    poison: str = ""
    """Why the card is not to be touched until the host has booted anew."""
    unfinished: Refusal | None = None
    """A switch that somebody has begun and not ended."""
    persistence: bool = False
    """Whether nvidia-persistenced runs or, on the way back, ran before."""
    makes_cdi: bool = False
    """Whether there is a program that describes the card to containers."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a card cannot be switched, and what helps."""

    reason: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """A switch that may be made where there is no refusal. Without steps the card is there."""

    card: Card
    target: Mode
    steps: tuple[Step, ...]
    refusals: tuple[Refusal, ...]
    expected: Mapping[str, str]
    """The driver of each function once it is done, those of other cards included."""
    unseen: int = 0
    """Processes that only root may look at, and that may have the card open or hang in a driver."""
    uses: int = 0
    """How often nvidia, which is left, is in use by the kernel's count, its own modules apart."""

    @property
    def order(self) -> Order:
        """What the helper is asked for."""
        return Order(
            group=self.card.group,
            addresses=tuple(one.address for one in self.card.functions),
            target=self.target.value,
            drivers={one.address: one.driver for one in self.card.functions},
            steps=self.steps,
            expected=dict(self.expected),
        )


def plan_switch(now: Situation, target: Mode) -> Plan:
    """The way from what is so to a mode."""
    refusals = tuple(_refuse(now, target))
    steps: tuple[Step, ...] = ()
    if now.card.mode is not target:
        steps = tuple(_to_vfio(now) if target is Mode.VFIO else _to_nvidia(now))
    expected: dict[str, str] = {}
    if steps:
        expected = {one.address: NVIDIA for card in _beside(now) for one in card.displays}
        expected |= {one.address: wanted_driver(one, target) for one in _switched(now, target)}
    unseen = now.holders.hidden + len(now.wedge.closed) if steps else 0
    uses = _count_uses(now) if any(step.kind is Kind.UNLOAD for step in steps) else 0
    return Plan(now.card, target, steps, refusals, expected, unseen, uses)


def refuse_wedge(wedge: WedgeCheck, poison: str) -> Iterator[Refusal]:
    """What forbids to touch any card."""
    if poison:
        yield Refusal(
            f"the card has been given up for this boot: {poison}",
            REBOOT
            if wedge.wedged
            else "`charly vm gpu recover` says whether anything hangs still, and has it count as "
            f"sound again where nothing does; else {REBOOT}",
        )
    if wedge.wedged:
        yield Refusal(f"the driver does not let go of a device: {wedge.wedged[0]}", REBOOT)
    elif wedge.tasks:
        yield Refusal(
            f"a driver is just being removed from a device: {wedge.tasks[0]}",
            "wait for it; where it does not end, " + REBOOT,
        )
    elif wedge.suspected and not poison:
        yield Refusal(
            f"another card has been given up for this boot, whose driver may hang: "
            f"{wedge.suspected[0]}",
            f"`sudo charly vm gpu recover` says whether it does; where it does, {REBOOT}",
        )


def _refuse(now: Situation, target: Mode) -> Iterator[Refusal]:
    card = now.card
    yield from refuse_wedge(now.wedge, now.poison)
    # What a card that is given up was about to become is of no use to anybody.
    if now.unfinished and not now.poison:
        yield now.unfinished
    if own := why_own(card, now.screens):
        yield Refusal(
            f"it is the host's own: {own}",
            "give the card to vfio-pci at boot (`vfio-pci.ids=` on the kernel's command line), "
            "or show the host's console elsewhere, or nowhere: "
            "echo 0 | sudo tee /sys/class/vtconsole/vtcon1/bind",
        )
    if card.group < 0:
        yield Refusal(
            "no IOMMU translates for it",
            "enable VT-d or AMD-Vi in the firmware, and boot with intel_iommu=on or amd_iommu=on",
        )
    for function in card.foreign:
        yield Refusal(
            f"its IOMMU group {card.group} has {function.address} too, which is not of the card",
            "plug one of them into another slot",
        )
    for function in card.functions:
        if function.virtual or function.physical:
            yield Refusal(
                f"{function.address} is shared by SR-IOV",
                "echo 0 | sudo tee /sys/bus/pci/devices/"
                f"{function.physical or function.address}/sriov_numvfs",
            )
        elif not function.is_display and (
            function.driver == NVIDIA or function.driver not in ("", *DRIVERS, *OTHER_DRIVERS)
        ):
            yield Refusal(
                f"{function.address} is on {function.driver}, which charly does not switch",
                f"take it from there by hand, or blacklist {function.driver}",
            )
    if card.mode is target:
        return
    yield from _refuse_holders(now, target)
    if target is Mode.VFIO and any(one.driver == NVIDIA for one in card.functions):
        for other in _beside(now):
            if own := why_own(other, now.screens):
                yield Refusal(
                    f"nvidia cannot be unloaded, which another card is on: {own}",
                    "show the host's console and screens by a card that is on another driver",
                )
    if target is Mode.NVIDIA and card.main.vendor in OTHER_MAKERS:
        yield Refusal("only NVIDIA's cards are switched to containers", "bind its driver by hand")
    elif target is Mode.NVIDIA and not _has_module(now, NVIDIA):
        yield Refusal("there is no module nvidia for this kernel", "install NVIDIA's driver")
    if target is Mode.VFIO and not _has_module(now, VFIO):
        yield Refusal("there is no module vfio-pci for this kernel", "install the kernel's modules")


def _refuse_holders(now: Situation, target: Mode) -> Iterator[Refusal]:
    # The kernel keeps 15 letters of a program's name.
    services = {service.removesuffix(".service")[:15] for service in SERVICES}
    for holder in now.holders.found:
        if not holder.pid:
            if holder.name not in HOLDING_MODULES:
                yield Refusal(f"{holder} uses nvidia", f"rmmod {holder.name}")
        # What is stopped for the switch need not be stopped before.
        elif holder.name not in services:
            yield Refusal(str(holder), _how_to_end(holder))


def _how_to_end(holder: Holder) -> str:
    if holder.name in SOUND_SERVERS:
        return f"systemctl --user stop {holder.name}, and start it again after the switch"
    if holder.container:
        return f"stop the container {holder.container}"
    if holder.unit:
        return f"systemctl stop {holder.unit}, and start it again after the switch"
    return f"end it: kill {holder.pid}"


def _beside(now: Situation) -> list[Card]:
    """Other cards that are on nvidia."""
    return [one for one in now.others if any(two.driver == NVIDIA for two in one.displays)]


def _count_uses(now: Situation) -> int:
    module = now.modules.get(NVIDIA)
    return max(0, module.references - len(module.users)) if module else 0


def _has_module(now: Situation, name: str) -> bool:
    return name in now.available or name.replace("-", "_") in now.modules


def _switched(now: Situation, target: Mode) -> list[Function]:
    """The functions that get a driver with a mode: what is neither display nor sound stays where it
    is when the card goes to nvidia, and a host may have no driver for sound."""
    if target is Mode.VFIO:
        return list(now.card.functions)
    sound = _has_module(now, SOUND)
    return [one for one in now.card.functions if one.is_display or (one.is_audio and sound)]


def _to_vfio(now: Situation) -> Iterator[Step]:
    yield Step(Kind.LOAD, name=VFIO)
    loaded = [name for name in NVIDIA_MODULES if name in now.modules]
    leaves = any(one.driver == NVIDIA for one in now.card.functions)
    if leaves:
        if now.persistence:
            yield from (Step(Kind.STOP_SERVICE, name=service) for service in SERVICES)
        yield from (Step(Kind.UNLOAD, name=name) for name in loaded)
    for one in now.card.functions:
        if one.driver not in ("", VFIO, NVIDIA):
            yield Step(Kind.UNBIND, one.address, one.driver)
    for one in now.card.functions:
        if one.driver != VFIO:
            yield from _bind(one, VFIO)
    if leaves and _beside(now):
        # They were not used, or the modules would have stayed, and are to be there as before.
        yield from (Step(Kind.LOAD, name=name) for name in reversed(loaded))
        if now.persistence:
            yield from (Step(Kind.START_SERVICE, name=service) for service in SERVICES)


def _to_nvidia(now: Situation) -> Iterator[Step]:
    for one in now.card.functions:
        leaves = one.driver not in ("", NVIDIA, wanted_driver(one, Mode.NVIDIA))
        if leaves and (one.is_display or one.is_audio):
            yield Step(Kind.UNBIND, one.address, one.driver)
    for one in _switched(now, Mode.NVIDIA):
        driver = wanted_driver(one, Mode.NVIDIA)
        if one.driver == driver:
            continue
        # NVIDIA's module cannot be loaded where no card is free for it.
        yield Step(Kind.OVERRIDE, one.address, driver)
        yield Step(Kind.LOAD, name=driver)
        yield Step(Kind.BIND, one.address, driver)
        yield Step(Kind.OVERRIDE, one.address)
    for name in reversed(HOLDING_MODULES):
        if name in now.available and name not in now.modules:
            yield Step(Kind.LOAD, name=name, optional=True)
    if now.persistence:
        yield from (Step(Kind.START_SERVICE, name=one, optional=True) for one in SERVICES)
    if now.makes_cdi:
        yield Step(Kind.REFRESH_CDI, optional=True)


def _bind(function: Function, driver: str) -> Iterator[Step]:
    yield Step(Kind.OVERRIDE, function.address, driver)
    yield Step(Kind.BIND, function.address, driver)
    yield Step(Kind.OVERRIDE, function.address)
