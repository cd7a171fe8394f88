"""What this host can do with its cards, for people and for `--json`: which mode each is in, who has
it, what hinders it and what helps. Nothing is written and no device is touched."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass

from charly_vm.gpu.cards import Card, Mode, find_cards, why_own
from charly_vm.gpu.inventory import Inventory, read_inventory
from charly_vm.gpu.journal import Journal
from charly_vm.gpu.names import find_names
from charly_vm.gpu.overrides import find_overrides
from charly_vm.gpu.pci import Function
from charly_vm.gpu.plan import Refusal, Situation, plan_switch
from charly_vm.gpu.root import HOST, HostRoot
from charly_vm.gpu.situation import (
    available_modules,
    find_card_holders,
    find_poison,
    find_unfinished,
    find_wedge,
    observe_screens,
    runs_persistence,
)
from charly_vm.gpu.steps import HOLDING_MODULES
from charly_vm.gpu.wedge import WedgeCheck

IOMMU_REMEDY = (
    "enable VT-d or AMD-Vi in the firmware, and boot with intel_iommu=on iommu=pt, or with "
    "amd_iommu=on iommu=pt"
)
NODE_REMEDY = (
    """echo 'SUBSYSTEM=="vfio", OWNER="root", GROUP="kvm", MODE="0660"' """
    "| sudo tee /etc/udev/rules.d/60-charly-vfio.rules, "
    "sudo udevadm control --reload, sudo udevadm trigger, and be in the group kvm"
)
"""For an account that may not use a group's node."""
_MEANT = ("intel_iommu=", "amd_iommu=", "iommu=", "vfio-pci.ids=", "rd.driver.pre=", "pci=")
"""What of the kernel's command line has to do with it."""


@dataclass(frozen=True, slots=True)
class FunctionStatus:
    address: str
    what: str
    """`display`, `boot display`, `sound` or the class as four hexadecimal digits."""
    name: str
    driver: str
    override: str = ""
    """The only driver that may bind it, where one is set and could be read without a risk."""


@dataclass(frozen=True, slots=True)
class CardStatus:
    """One card."""

    address: str
    name: str
    vendor: str
    device: str
    group: int
    """Its IOMMU group, -1 where no IOMMU translates for it."""
    state: str
    """`vfio`, `nvidia`, `unbound`, `half-switched`, `driven by …`, `wedged` or `given up`."""
    own: str
    """Why it is the host's own, which is never switched; empty where it is not."""
    functions: tuple[FunctionStatus, ...]
    holders: tuple[str, ...]
    hidden: int
    """Processes that only root may look at, and that may have it too."""
    obstacles: tuple[Refusal, ...]
    """What keeps it from going to a machine."""
    node: str = ""
    """The node through which a machine gets it, where it is on vfio-pci."""
    access: bool = False
    """Whether this account may use that."""


@dataclass(frozen=True, slots=True)
class HostStatus:
    """The host, and its cards."""

    iommu: bool
    command_line: tuple[str, ...]
    vfio_module: bool
    memlock: int | None
    """Bytes that this account's processes may pin; None without a limit."""
    wedge: tuple[str, ...]
    """Tasks that sleep for ever in a driver's remove."""
    unsure: int
    """Tasks in uninterruptible sleep, of which only root may see where."""
    cards: tuple[CardStatus, ...]
    obstacles: tuple[Refusal, ...]


def read_status(root: HostRoot = HOST) -> HostStatus:
    """The whole host, as it is at this moment."""
    inventory, wedge = read_inventory(root), find_wedge(root)
    cards = find_cards(inventory)
    available = available_modules(root)
    vfio = bool({"vfio-pci", "vfio_pci"} & (available | set(inventory.modules)))
    overrides = find_overrides(
        root, [one.address for card in cards for one in card.functions], wedge
    )
    names = find_names({(one.vendor, one.device) for card in cards for one in card.functions})
    obstacles = []
    if not inventory.has_iommu:
        obstacles.append(Refusal("no IOMMU is at work: there are no IOMMU groups", IOMMU_REMEDY))
    if not vfio:
        obstacles.append(Refusal("this kernel has no module vfio-pci", "install its modules"))
    return HostStatus(
        iommu=inventory.has_iommu,
        command_line=tuple(
            word for word in inventory.command_line.split() if word.startswith(_MEANT)
        ),
        vfio_module=vfio,
        memlock=_memlock(),
        wedge=tuple(str(task) for task in wedge.wedged),
        unsure=len(wedge.closed),
        cards=tuple(
            _status_of(card, cards, inventory, wedge, names, overrides, available, root)
            for card in cards
        ),
        obstacles=tuple(obstacles),
    )


def _status_of(
    card: Card,
    cards: list[Card],
    inventory: Inventory,
    wedge: WedgeCheck,
    names: dict[tuple[int, int], str],
    overrides: dict[str, str],
    available: frozenset[str],
    root: HostRoot,
) -> CardStatus:
    journal, screens = Journal(root), observe_screens(root)
    holders = find_card_holders(card, inventory, root)
    now = Situation(
        card=card,
        others=tuple(one for one in cards if one is not card),
        modules=inventory.modules,
        available=available,
        holders=holders,
        screens=screens,
        wedge=wedge,
        poison=find_poison(card, journal),
        unfinished=find_unfinished(card, journal),
        persistence=runs_persistence(root),
    )
    node = f"/dev/vfio/{card.group}" if card.mode is Mode.VFIO else ""
    return CardStatus(
        address=card.address,
        name=names[card.main.vendor, card.main.device],
        vendor=f"0x{card.main.vendor:04x}",
        device=f"0x{card.main.device:04x}",
        group=card.group,
        state=_state(now),
        own=why_own(card, screens),
        functions=tuple(
            FunctionStatus(
                one.address,
                _what_is(one),
                names[one.vendor, one.device],
                one.driver,
                overrides.get(one.address, ""),
            )
            for one in card.functions
        ),
        holders=tuple(
            # Modules that a switch unloads by itself keep nobody from it.
            str(holder)
            for holder in holders.found
            if holder.pid or holder.name not in HOLDING_MODULES
        ),
        hidden=holders.hidden,
        obstacles=() if why_own(card, screens) else plan_switch(now, Mode.VFIO).refusals,
        node=node,
        access=bool(node) and os.access(root.path / node[1:], os.R_OK | os.W_OK),
    )


def _what_is(function: Function) -> str:
    if function.is_display:
        # Where the firmware's messages and, mostly, the host's console are.
        return "boot display" if function.boot_display else "display"
    return "sound" if function.is_audio else f"class {function.pci_class >> 8:04x}"


def _state(now: Situation) -> str:
    if now.poison:
        return "given up"
    # One whose driver does not end has no driver link any more.
    gone = any(not one.driver for one in now.card.displays)
    if now.wedge.wedged and (gone or now.card.mode is Mode.NVIDIA):
        return "wedged"
    return now.card.state


def _memlock() -> int | None:
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
    return None if limit == resource.RLIM_INFINITY or os.geteuid() == 0 else limit
