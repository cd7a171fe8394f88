"""The card of a machine: a deploy that claims one exclusively has its whole IOMMU group in the
machine's `instance.yml`, unless its author has said which devices it gets."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING

from charly_vm.arbiter.wish import RAM
from charly_vm.backend.libvirt_hypervisor import find_hop
from charly_vm.errors import CharlyError, HostError, Problem, SpecError
from charly_vm.host.files import make_private_directory, write_atomically
from charly_vm.host.progress import SILENT, Progress
from charly_vm.machine.card_access import (
    find_hypervisor,
    require_memlock,
    require_usable,
    runs_as_root,
)
from charly_vm.machine.records import MachineRecord, paths_of
from charly_vm.machine.veto import instance_of
from charly_vm.machine.wishes import machine_amounts, wish_of_machine
from charly_vm.model.instance import Allocated, Instance
from charly_vm.model.libvirt.devices.hostdev import Hostdev, PciHostdev
from charly_vm.model.project import Project, Target, load_project
from charly_vm.model.resolved import ResolvedMachine

if TYPE_CHECKING:
    from charly_vm.gpu.cards import Card


def require_cards(target: Target, project: Project, *, ram: int | None = None) -> None:
    """Raise for what keeps a target from the cards that it claims and no switch changes, before
    anything is built and anybody gives way for it.

    `HostError`: this host has no such card, the machine is on another host, or this account may not
    pin its memory, which is `ram` bytes where its file is not to say that. `SpecError`: an address
    that stands in its `instance.yml` has another card now.
    """
    tokens = _tokens(target, project)
    uri = _require_on_this_host(target, project, tokens)
    if not tokens:
        return
    _require_same_as_allocated(target, _choose_all(tokens, project))
    if not runs_as_root(uri):
        require_memlock(ram or machine_amounts(target)[RAM])


def allocate_cards(target: Target, project: Project, progress: Progress = SILENT) -> None:
    """Have the cards of a target stand in its machine's `instance.yml`, and see that they can be
    used. The caller has claimed them, after `require_cards`.

    Raises `HostError` that says what is missing, and `SpecError` where an address that stands there
    has another card now.
    """
    tokens = _tokens(target, project)
    if not tokens:
        return
    chosen = _choose_all(tokens, project)
    if not _require_same_as_allocated(target, chosen):
        path = paths_of(target.domain).instance
        _write(path, instance_of(target.domain), chosen, target)
        where = ", ".join(f"{card.address} ({token})" for token, card in chosen)
        progress.note(f"{target.domain} gets {where}; {path} says so")
    require_usable([card for _, card in chosen], as_root=runs_as_root(find_hypervisor(target)))


def require_same_cards(record: MachineRecord) -> None:
    """Raise as `require_cards` does for a machine that is there and is to be started: where an
    address that it was allocated has another card now, or its token means another one.

    Devices that an author has chosen are the author's business.
    """
    machine = record.machine
    has = _addresses(machine.libvirt.devices.hostdevs)
    if not has or (machine.hypervisor and machine.hypervisor.hop):
        return
    here, project = instance_of(machine.domain), project_of(record)
    if not here.allocated and (here.hostdevs or _may_be_committed(record, project)):
        return
    from charly_vm.machine.gpu_switch import find_selectors

    selectors = find_selectors(project)
    _require_same(
        [one for one in here.allocated if one.address in has],
        has,
        _choose_all([one for one in record.claims.exclusive if one in selectors], project),
        paths_of(machine.domain).instance,
        again=f" by `charly vm update {record.label}`",
    )


def project_of(record: MachineRecord) -> Project | None:
    """What says which of a machine's tokens are cards; None where it is gone or wrong by now."""
    try:
        return load_project(Path(record.project))
    except (CharlyError, OSError):
        return None


def _may_be_committed(record: MachineRecord, project: Project | None) -> bool:
    """Whether its author may have written a machine's devices into the project."""
    try:
        return project is None or bool(
            project.target(record.name, record.instance).libvirt.devices.hostdevs
        )
    except CharlyError:
        return True


def _require_on_this_host(target: Target, project: Project, tokens: Sequence[str]) -> str:
    """The hypervisor that is to run the machine. Raises `HostError` where that is another host's,
    and the claim would take a card of this host from whoever has it.

    `tokens` are those whose cards the machine is to be given. Its author's own devices are that
    host's: what is claimed with them is refused only where it means a card here as well.
    """
    wish = wish_of_machine(target)
    if not wish.exclusive:
        return ""
    from charly_vm.machine.gpu_switch import cards_of, find_selectors

    selectors = find_selectors(project)
    cards = [token for token in wish.exclusive if token in selectors]
    uri = find_hypervisor(target) if cards else ""
    if not find_hop(uri):
        return uri
    taken = [token for token in cards if token in tokens or cards_of(token, selectors)]
    if taken:
        raise HostError(
            f"a card can only be given to a machine on this host, and {target.domain}, which "
            f"requires {', '.join(taken)}, is to run at {uri}",
            hint="run charly on the host that has the card, or have the machine here: without "
            "CHARLY_LIBVIRT_URI and the setting libvirt.uri, or with `backend: qemu`; devices of "
            "the other host are written under `hostdevs`, and claimed by a token without `gpu`",
        )
    return uri


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
    addresses = sorted(_addresses(machine.libvirt.devices.hostdevs))
    if not addresses:
        return
    from charly_vm.gpu.cards import NVIDIA
    from charly_vm.gpu.inventory import read_function
    from charly_vm.gpu.root import HOST

    for address in addresses:
        if read_function(HOST, address).driver == NVIDIA:
            raise HostError(
                f"{address} is on nvidia, from which it is not safely taken while it is in use",
                hint=f"charly vm gpu mode vfio {address}",
            )


def _choose_all(tokens: Sequence[str], project: Project | None) -> list[tuple[str, Card]]:
    return [(token, card) for token in tokens for card in _choose(token, project)]


def _choose(token: str, project: Project | None) -> Sequence[Card]:
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


def _require_same_as_allocated(target: Target, chosen: Sequence[tuple[str, Card]]) -> bool:
    """Whether cards stand in the target's file; raises `SpecError` where these are others."""
    here = instance_of(target.domain)
    # Who has deleted either has it detected again.
    if not (here.allocated and here.hostdevs):
        return False
    has = {one.address for one in here.allocated}
    _require_same(here.allocated, has, chosen, paths_of(target.domain).instance)
    return True


def _require_same(
    allocated: Sequence[Allocated],
    has: Collection[str],
    chosen: Sequence[tuple[str, Card]],
    path: Path,
    *,
    again: str = "",
) -> None:
    """Raise `SpecError` unless all that was allocated is at its address, and a machine that has
    these addresses has all of the cards that are chosen now, if any are."""
    from charly_vm.gpu.inventory import read_function
    from charly_vm.gpu.root import HOST

    meant = {one.address for _, card in chosen for one in card.functions}
    for one in allocated:
        found = read_function(HOST, one.address)
        now = f"0x{found.vendor:04x}:0x{found.device:04x}"
        if now != one.id:
            what = f"{one.address} has {now} now" if found.vendor else f"{one.address} is empty now"
            text = f"{what}, and not the card {one.id} that {one.token} was allocated"
            raise _no_longer_so(path, text, again)
        if meant and one.address not in meant:
            text = f"{one.token} means {', '.join(sorted(meant))} now, and not {one.address}"
            raise _no_longer_so(path, text, again)
    if missing := meant.difference(has):
        tokens = ", ".join(dict.fromkeys(token for token, _ in chosen))
        text = f"{tokens} means {', '.join(sorted(meant))} now, and "
        raise _no_longer_so(path, f"{text}{', '.join(sorted(missing))} is not allocated", again)


def _addresses(hostdevs: Sequence[Hostdev]) -> set[str]:
    return {str(one.source) for one in hostdevs if isinstance(one, PciHostdev)}


def _no_longer_so(path: Path, text: str, again: str = "") -> SpecError:
    hint = "delete `allocated` and `hostdevs` there; a card that is required is detected again"
    return SpecError([Problem(str(path), 0, 0, text)], hint=f"{hint}{again}")


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
