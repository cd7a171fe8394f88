"""Cards by the names that people and tokens give them, and their switch by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from charly_vm.arbiter.claiming import Lease
from charly_vm.arbiter.wish import make_wish
from charly_vm.errors import StateError
from charly_vm.gpu.cards import Card, Mode, find_cards
from charly_vm.gpu.inventory import read_inventory
from charly_vm.gpu.journal import Journal
from charly_vm.gpu.plan import Plan, Refusal, plan_switch, refuse_wedge
from charly_vm.gpu.root import HOST, HostRoot
from charly_vm.gpu.selection import select
from charly_vm.gpu.situation import find_own_cards, find_poison, observe, observe_screens
from charly_vm.gpu.switch import clear, refusal_error, switch, take_back
from charly_vm.gpu.wedge import check_wedge
from charly_vm.host.progress import SILENT, Progress
from charly_vm.model.project import Project
from charly_vm.model.resource import Gpu
from charly_vm.model.shipped import shipped_resources


def find_selectors(project: Project | None) -> dict[str, Gpu]:
    """The tokens that have graphics cards behind them."""
    if project is None:
        known = shipped_resources()
    else:
        known = {name.rpartition(".")[2]: node.resource for name, node in project.resources.items()}
    return {name: resource.gpu for name, resource in known.items() if resource.gpu}


def cards_of(token: str, selectors: Mapping[str, Gpu], root: HostRoot = HOST) -> list[Card]:
    """The cards that a token means on this host, as they are now; fewer than it wants where there
    are no more."""
    cards = find_cards(read_inventory(root))
    own = find_own_cards(cards, observe_screens(root))
    return list(select(selectors[token], cards, own))


def find_card(name: str, project: Project | None, root: HostRoot = HOST) -> Card:
    """A card by its address, whose domain may be left out, or by a token; without a name the only
    one that can be switched. Raises `StateError`."""
    cards = find_cards(read_inventory(root))
    selectors = find_selectors(project)
    own = find_own_cards(cards, observe_screens(root))
    if name in selectors:
        found = list(select(selectors[name], cards, own))
    elif name:
        found = [one for one in cards if name in (one.address, one.address.partition(":")[2])]
    else:
        found = [one for one in cards if one.address not in own] or cards
    if len(found) == 1:
        return found[0]
    if not cards:
        raise StateError("this host has no graphics card")
    if not found:
        known = ", ".join(one.address for one in cards)
        raise StateError(f"this host has no card {name}", hint=f"its cards are: {known}")
    raise StateError(
        f"{name or 'the card'} may be any of {', '.join(one.address for one in found)}",
        hint="name one by its address",
    )


def plan_of(name: str, target: str, project: Project | None, root: HostRoot = HOST) -> Plan:
    """What a switch of a card would do. Raises `StateError` where there is no such card."""
    return plan_switch(observe(find_card(name, project, root), root=root), Mode(target))


def switch_by_hand(
    name: str, target: str, project: Project | None, *, progress: Progress = SILENT
) -> str:
    """Switch a card that nobody has claimed; returns what was done, in words.

    Raises `LeaseUnavailable` where somebody has it, and as `charly_vm.gpu.switch.switch` does.
    """
    card = find_card(name, project)
    with _nobody_else(card, project, progress) as lease:
        done = switch_now(card.address, Mode(target), progress)
        # A claimant that was killed may have left word of what it was in before.
        lease.arbiter.modes.forget(lease.wish)
        return done


def switch_now(address: str, target: Mode, progress: Progress) -> str:
    """Switch a card that is the caller's. What was interrupted before is taken back first."""
    card = find_card(address, None)
    settle_interrupted(card, progress)
    plan = plan_switch(observe(find_card(address, None)), target)
    if not plan.steps and not plan.refusals:
        return f"{address} is on {target.value} already"
    with progress.phase(f"switching {address} to {target.value}") as seen:
        switch(plan, seen)
    return f"{address} is on {target.value} now"


def settle_interrupted(card: Card, progress: Progress, *, recovers: bool = False) -> bool:
    """Take back what somebody has begun who was killed, where there is such a switch; whether there
    was. Raises as `switch` does. Who `recovers` has seen that nothing hangs any more."""
    journal = Journal()
    left = journal.find_switch(card.group) if card.group >= 0 else None
    if left is None or journal.is_held():
        return False
    poison = "" if recovers else find_poison(card, journal)
    refusals = tuple(refuse_wedge(check_wedge(), poison))
    if refusals:
        raise refusal_error(f"the interrupted switch of {card.address} is left as it is", refusals)
    with progress.phase(f"taking back an interrupted switch of {card.address}") as seen:
        take_back(plan_switch(observe(card), Mode.VFIO), seen, clears_poison=recovers)
    return True


def recover_card(name: str, project: Project | None, *, progress: Progress = SILENT) -> str:
    """Make a card whole again: take an interrupted switch back, or put all of its group on
    vfio-pci. On a wedge nothing is written. Returns what was done, in words."""
    card = find_card(name, project)
    wedge = check_wedge()
    refusals = tuple(refuse_wedge(wedge, ""))
    if refusals:
        raise refusal_error(f"{card.address} cannot be recovered, and nothing was done", refusals)
    if wedge.closed:
        reason = f"whether {wedge.closed[0]} hangs in a driver is for root to see"
        remedy = f"sudo charly vm gpu recover {card.address}"
        raise refusal_error(f"{card.address} is left as it is", (Refusal(reason, remedy),))
    if Journal().is_held():
        under_way = Refusal("a switch is under way", "wait until it has ended")
        raise refusal_error(f"{card.address} is left as it is", (under_way,))
    with _nobody_else(card, project, progress) as lease:
        taken_back = settle_interrupted(card, progress, recovers=True)
        card = find_card(card.address, None)
        if card.mode is None:
            _make_sound(card, Mode.VFIO, progress)
            lease.arbiter.modes.forget(lease.wish)
            return f"{card.address} is on vfio now"
        if taken_back:
            return f"{card.address} is on {card.mode.value}: the interrupted switch was taken back"
        if find_poison(card, Journal()):
            _make_sound(card, card.mode, progress)
            return f"{card.address} is on {card.mode.value}, and counts as sound again"
        return f"{card.address} is on {card.mode.value}: nothing to recover"


def _make_sound(card: Card, target: Mode, progress: Progress) -> None:
    """Nothing hangs any more: a mark that something did is old."""
    plan = plan_switch(replace(observe(card), poison="", unfinished=None), target)
    if plan.refusals:
        raise refusal_error(f"{card.address} cannot be recovered", plan.refusals)
    with progress.phase(f"recovering {card.address}") as seen:
        clear(plan, seen)


@contextmanager
def _nobody_else(card: Card, project: Project | None, progress: Progress) -> Iterator[Lease]:
    """Claim the card, for the length of the block, or say who has it."""
    from charly_vm.machine.arbitration import find_arbiter, this_claimant

    arbiter = find_arbiter(project, progress=progress)
    claimant = this_claimant("charly vm gpu")
    wish = make_wish([card.address])
    with arbiter.claim(wish, claimant, timeout=0, switches=False) as lease:
        yield lease
