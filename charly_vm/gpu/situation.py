"""Looks at the host for what a switch depends on. Nothing is written, and no device is touched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from charly_vm.gpu.cards import NVIDIA, Card, Screens, find_cards, why_own
from charly_vm.gpu.holders import Holders, console_cards, drm_masters, find_holders, nodes_of
from charly_vm.gpu.inventory import Inventory, read_inventory
from charly_vm.gpu.journal import Journal, Switch
from charly_vm.gpu.plan import Refusal, Situation
from charly_vm.gpu.root import HOST, HostRoot, names_in, read_text
from charly_vm.gpu.steps import MODULES, SERVICES
from charly_vm.gpu.wedge import WedgeCheck, check_wedge
from charly_vm.host.process import find_tool


def observe_screens(root: HostRoot = HOST) -> Screens:
    return Screens(console_cards(root), drm_masters(root))


def find_own_cards(cards: list[Card], screens: Screens) -> dict[str, str]:
    """The cards that serve the host itself, by address, and why each counts as that."""
    return {card.address: why for card in cards if (why := why_own(card, screens))}


def observe(card: Card, inventory: Inventory | None = None, root: HostRoot = HOST) -> Situation:
    """All that a switch of this card depends on, as it is now."""
    inventory = inventory or read_inventory(root)
    wedge = find_wedge(root)
    journal = Journal(root)
    return Situation(
        card=card,
        others=tuple(one for one in find_cards(inventory) if one.address != card.address),
        modules=inventory.modules,
        available=available_modules(root),
        holders=find_card_holders(card, inventory, root),
        screens=observe_screens(root),
        wedge=wedge,
        poison=find_poison(card, journal),
        unfinished=find_unfinished(card, journal),
        persistence=runs_persistence(root) or journal.persistence_was_stopped,
        makes_cdi=find_tool("nvidia-ctk") is not None,
    )


def find_wedge(root: HostRoot = HOST) -> WedgeCheck:
    """Whether a driver hangs. To those who may not see where tasks sleep a card that was given up
    in this boot says that one of them may be the one."""
    check = check_wedge(root)
    if not check.closed:
        return check
    return replace(check, suspected=tuple(one.reason for one in Journal(root).find_poisons()))


def find_card_holders(card: Card, inventory: Inventory, root: HostRoot = HOST) -> Holders:
    """Who uses a card now."""
    on_nvidia = any(one.driver == NVIDIA for one in card.functions)
    module = inventory.modules.get(NVIDIA)
    return find_holders(
        nodes_of(card.functions, root),
        nvidia=on_nvidia,
        root=root,
        modules=[module] if on_nvidia and module else [],
    )


def find_poison(card: Card, journal: Journal) -> str:
    """Why a card is given up for this boot; empty where it is not."""
    found = journal.find_poison(card.group) if card.group >= 0 else None
    return found.reason if found else ""


def find_unfinished(card: Card, journal: Journal) -> Refusal | None:
    """A switch of this card that somebody has begun and not ended."""
    switch = journal.find_switch(card.group) if card.group >= 0 else None
    if switch is None:
        return None
    if journal.is_held():
        return Refusal(f"a switch to {switch.target} is under way", "wait until it has ended")
    return Refusal(describe_interrupted(switch), "charly vm gpu recover")


def describe_interrupted(switch: Switch) -> str:
    if switch.reason:
        return f"a switch to {switch.target} failed half-way: {switch.reason}"
    return f"a switch to {switch.target} was interrupted after {len(switch.done)} steps"


def runs_persistence(root: HostRoot = HOST) -> bool:
    """Whether nvidia-persistenced runs, which keeps the card open."""
    wanted = {service.removesuffix(".service")[:15] for service in SERVICES}
    return any(
        name.isdigit() and read_text(root.proc / name / "comm") in wanted
        for name in names_in(root.proc)
    )


def available_modules(root: HostRoot = HOST) -> frozenset[str]:
    """Those of the modules of a switch that the running kernel can load."""
    release = read_text(root.proc / "sys/kernel/osrelease")
    directory = root.path / "lib/modules" / release
    # `kernel/drivers/vfio/pci/vfio-pci.ko.xz: kernel/…`, and the same without what it needs.
    listed = read_text(directory / "modules.dep") + "\n" + read_text(directory / "modules.builtin")
    known = {
        _plain(line.partition(":")[0].rpartition("/")[2].partition(".ko")[0])
        for line in listed.splitlines()
    }
    known |= {_plain(name) for name, means in _read_other_names(root) if means & known}
    return frozenset(name for name in MODULES if _plain(name) in known)


def _read_other_names(root: HostRoot) -> Iterator[tuple[str, set[str]]]:
    """Names for modules whose files are called otherwise, and the modules that each may lead to, as
    modprobe.d(5) has them: Debian's nvidia is `install nvidia modprobe -i nvidia-current`."""
    for place in ("etc", "run", "usr/local/lib", "usr/lib", "lib"):
        directory = root.path / place / "modprobe.d"
        for file in names_in(directory):
            text = read_text(directory / file) if file.endswith(".conf") else ""
            for line in text.replace("\\\n", " ").splitlines():
                command, name, *words = [*line.split(), "", ""]
                if command in ("alias", "install"):
                    yield name, {_plain(word.strip(";&")) for word in words}


def _plain(module: str) -> str:
    """A module's name as the kernel has it."""
    return module.replace("-", "_")
