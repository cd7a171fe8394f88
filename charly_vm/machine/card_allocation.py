"""The card of a machine: a deploy that claims one exclusively has its whole IOMMU group in the
machine's `instance.yml`, unless its author has said which devices it gets."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator, Sequence
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING

from charly_vm.arbiter.wish import RAM
from charly_vm.errors import HostError, Problem, SpecError
from charly_vm.host.amounts import format_size
from charly_vm.host.files import make_private_directory, write_atomically
from charly_vm.host.progress import SILENT, Progress
from charly_vm.host.waiting import Deadline
from charly_vm.machine.records import paths_of
from charly_vm.machine.veto import instance_of
from charly_vm.machine.wishes import machine_amounts, wish_of_machine
from charly_vm.model.instance import Allocated, Instance
from charly_vm.model.libvirt.devices.hostdev import PciHostdev
from charly_vm.model.project import Project, Target
from charly_vm.model.resolved import ResolvedMachine

if TYPE_CHECKING:
    from charly_vm.gpu.cards import Card

UDEV_SECONDS = 3.0
OVERHEAD = 2**30
"""Bytes that QEMU pins for a guest with a device of the host, beside the guest's RAM."""


def require_cards(target: Target, project: Project) -> None:
    """Raise `HostError` where a target claims a card that this host has not, before anybody gives
    way for it."""
    for token in _tokens(target, project):
        _choose(token, project)


def allocate_cards(
    target: Target, project: Project, progress: Progress = SILENT, *, ram: int | None = None
) -> None:
    """Have the cards of a target stand in its machine's `instance.yml`, and see that it can have
    them, with `ram` bytes where its file is not to say that. The caller has claimed them.

    Raises `HostError` that says what is missing, and `SpecError` where an address that stands there
    has another card now.
    """
    tokens = _tokens(target, project)
    if not tokens:
        return
    path = paths_of(target.domain).instance
    here = instance_of(target.domain)
    chosen: list[tuple[str, Card]] = [
        (token, card) for token in tokens for card in _choose(token, project)
    ]
    # Who has deleted either has it detected again.
    if here.allocated and here.hostdevs:
        _require_same(here, chosen, path)
    else:
        _write(path, here, chosen, target)
        where = ", ".join(f"{card.address} ({token})" for token, card in chosen)
        progress.note(f"{target.domain} gets {where}; {path} says so")
    _require_usable([card for _, card in chosen], ram or machine_amounts(target)[RAM])


def _tokens(target: Target, project: Project) -> list[str]:
    """Those that are cards, unless an author has written which devices the machine gets.

    Raises `SpecError` for a card that the machine was given and is not to have any more.
    """
    wish, here = wish_of_machine(target), instance_of(target.domain)
    tokens: list[str] = []
    if wish.exclusive:
        from charly_vm.machine.gpu_switch import find_selectors

        selectors = find_selectors(project)
        tokens = [token for token in wish.exclusive if token in selectors]
    committed = target.libvirt.devices.hostdevs
    if here.allocated and here.hostdevs and (committed or not tokens):
        name = target.deploy.name if target.deploy else target.name
        had = ", ".join(dict.fromkeys(one.token for one in here.allocated))
        why = "says which devices it gets" if committed else f"does not require {had} any more"
        path = paths_of(target.domain).instance
        raise _no_longer_so(path, f"the card of {had} stands here, and {name} {why}")
    return [] if committed or (here.hostdevs and not here.allocated) else tokens


def require_not_on_nvidia(machine: ResolvedMachine) -> None:
    """Raise `HostError` for a device of this host's that nvidia drives.

    Whoever takes it from there while it is in use, as libvirt would, waits for ever, and the device
    is lost until the host is reset.
    """
    if machine.hypervisor and machine.hypervisor.hop:
        return
    pci = [one for one in machine.libvirt.devices.hostdevs if isinstance(one, PciHostdev)]
    if not pci:
        return
    from charly_vm.gpu.cards import NVIDIA
    from charly_vm.gpu.inventory import read_function
    from charly_vm.gpu.root import HOST

    for one in pci:
        address = str(one.source)
        if read_function(HOST, address).driver == NVIDIA:
            raise HostError(
                f"{address} is on nvidia, from which it is not safely taken while it is in use",
                hint=f"charly vm gpu mode vfio {address}",
            )


def _choose(token: str, project: Project) -> Sequence[Card]:
    from charly_vm.gpu.cards import find_cards
    from charly_vm.gpu.inventory import read_inventory
    from charly_vm.gpu.selection import describe_selector, matches
    from charly_vm.gpu.situation import find_own_cards, observe_screens
    from charly_vm.machine.gpu_switch import cards_of, find_selectors

    selectors = find_selectors(project)
    selector, found = selectors[token], cards_of(token, selectors)
    if len(found) >= selector.count:
        return found
    cards = find_cards(read_inventory())
    own = find_own_cards(cards, observe_screens())
    reasons = [own[one.address] for one in cards if one.address in own and matches(selector, one)]
    why = f": {'; '.join(reasons)}" if reasons else ""
    raise HostError(
        f"this host has no card for {token} ({describe_selector(selector)}){why}",
        hint="`charly vm gpu status` shows the cards of this host and what hinders them",
    )


def _require_same(here: Instance, chosen: Sequence[tuple[str, Card]], path: Path) -> None:
    from charly_vm.gpu.inventory import read_function
    from charly_vm.gpu.root import HOST

    meant = {one.address for _, card in chosen for one in card.functions}
    for one in here.allocated:
        found = read_function(HOST, one.address)
        now = f"0x{found.vendor:04x}:0x{found.device:04x}"
        if now != one.id or one.address not in meant:
            what = f"{one.address} has {now} now" if found.vendor else f"{one.address} is empty now"
            text = f"{what}, and not the card {one.id} that {one.token} was allocated"
            if now == one.id:
                text = f"{one.token} means {', '.join(sorted(meant))} now, and not {one.address}"
            raise _no_longer_so(path, text)
    if missing := meant - {one.address for one in here.allocated}:
        tokens = ", ".join(dict.fromkeys(token for token, _ in chosen))
        text = f"{tokens} means {', '.join(sorted(meant))} now, and "
        raise _no_longer_so(path, f"{text}{', '.join(sorted(missing))} is not allocated")


def _no_longer_so(path: Path, text: str) -> SpecError:
    return SpecError(
        [Problem(str(path), 0, 0, text)],
        hint="delete `allocated` and `hostdevs` there; a card that is required is detected again",
    )


def _write(path: Path, here: Instance, chosen: Sequence[tuple[str, Card]], target: Target) -> None:
    from charly_vm.gpu.allocation import append_instance, render_instance

    allocated = [
        Allocated(
            token=token,
            address=one.address,
            id=f"0x{one.vendor:04x}:0x{one.device:04x}",
        )
        for token, card in chosen
        for one in card.functions
    ]
    deploy = target.deploy.name if target.deploy else target.name
    tokens = ", ".join(dict.fromkeys(token for token, _ in chosen))
    why = (
        f"{deploy} requires {tokens}: these are all functions of its IOMMU group on\n"
        "this host, which a guest is given together. Delete `allocated` and `hostdevs` to have\n"
        "them detected again; write `hostdevs` without `allocated` to choose for yourself."
    )
    make_private_directory(path.parent)
    cards = [card for _, card in chosen]
    ours = {"allocated": [one.model_dump(mode="json") for one in allocated]}
    before = path.read_text() if path.exists() else ""
    text = append_instance(before, here.written, render_instance(ours, cards, why))
    if text is None:
        # Written anew, it loses its author's comments.
        write_atomically(_free_name(path.with_suffix(".yml.before")), before)
        text = render_instance({**here.written, **ours}, cards, why)
    write_atomically(path, text)


def _free_name(path: Path) -> Path:
    """The path, or one with a number behind it where an earlier text has that already."""
    numbered = (path.with_name(f"{path.name}-{number}") for number in count(2))
    return next(one for one in chain([path], numbered) if not one.exists())


def _require_usable(cards: Sequence[Card], ram: int) -> None:
    """Raise `HostError` with every thing that would keep a guest from its card."""
    problems = [problem for card in cards for problem in _find_problems(card)]
    limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
    needed = ram + OVERHEAD
    if os.geteuid() != 0 and limit != resource.RLIM_INFINITY and limit < needed:
        line = f"{os.environ.get('USER', '$USER')} - memlock {needed // 1024}"
        problems.append(
            (
                f"this account may pin {format_size(limit)} of memory, and the guest and its card "
                f"need {format_size(needed)}",
                f"echo '{line}' | sudo tee /etc/security/limits.d/charly.conf, and log in again",
            )
        )
    if problems:
        raise HostError(
            "; ".join(reason for reason, _ in problems),
            hint="; ".join(remedy for _, remedy in problems),
        )


def _find_problems(card: Card) -> Iterator[tuple[str, str]]:
    from charly_vm.gpu.cards import VFIO
    from charly_vm.gpu.root import HOST
    from charly_vm.gpu.status import NODE_REMEDY

    for one in card.functions:
        if one.driver != VFIO:
            yield (
                f"{one.address} is on {one.driver or 'no driver'}, and not on vfio-pci",
                f"charly vm gpu mode vfio {card.address}",
            )
    name = f"/dev/vfio/{card.group}"
    if not _may_use(HOST.dev / "vfio" / str(card.group)):
        yield f"this account may not use {name}", NODE_REMEDY


def _may_use(node: Path) -> bool:
    """Whether this account may use it, once udev has had its time with a node that is new."""
    deadline = Deadline(UDEV_SECONDS)
    while node.exists() and not os.access(node, os.R_OK | os.W_OK):
        if deadline.passed:
            return False
        time.sleep(0.05)
    return True
