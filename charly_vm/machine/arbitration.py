"""The arbiter of this account on this host, who claims in its name, and claims that machines have
for as long as they are there."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from charly_vm.arbiter.claiming import CLAIM_SECONDS, Arbiter, Lease
from charly_vm.arbiter.records import Claimant, Life
from charly_vm.arbiter.wish import HOST_AMOUNTS, RAM, Wish, unite
from charly_vm.errors import Problem, SpecError, StateError
from charly_vm.host.progress import SILENT, Progress
from charly_vm.machine.card_allocation import (
    allocate_cards,
    project_of,
    require_cards,
    require_same_cards,
)
from charly_vm.machine.card_switches import CardSwitches
from charly_vm.machine.claims import host_amounts, open_ledger
from charly_vm.machine.household import OwnHousehold
from charly_vm.machine.machine import Machine
from charly_vm.machine.ownership import this_process
from charly_vm.machine.records import Purpose, find_record
from charly_vm.machine.wishes import amounts_of, gives_way_of, machine_amounts, wish_of_machine
from charly_vm.model.project import Project, Target

if TYPE_CHECKING:
    from charly_vm.model.resolve import Overrides

WORKER = "PYTEST_XDIST_WORKER"


def find_arbiter(project: Project | None = None, *, progress: Progress = SILENT) -> Arbiter:
    """The arbiter for this account's claims. `project` says which of its deploys give way, and how
    much there is of its own resources."""
    switches = CardSwitches(project, progress)
    return Arbiter(
        open_ledger(),
        OwnHousehold(os.getuid(), project, progress=progress, switches=switches),
        capacity={**host_amounts(), **(amounts_of(project) if project else {})},
        progress=progress,
        switches=switches,
    )


def require_amounts(wish: Wish, arbiter: Arbiter) -> None:
    """Raise `SpecError` for an amount of what nobody says how much there is of, or of more than
    that; of the host's own, all is meant then."""
    problems = []
    for token, amount in wish.amounts.items():
        there = arbiter.capacity.get(token)
        if there is None:
            text = f"nothing says how much of {token!r} there is; a resource with an `amount` does"
            problems.append(Problem("the claim", 0, 0, text))
        elif amount > there and token not in HOST_AMOUNTS:
            text = f"there is {there} of {token!r}, and {amount} is wanted"
            problems.append(Problem("the claim", 0, 0, text))
    if problems:
        raise SpecError(problems)


def this_claimant(name: str, *, test: str = "") -> Claimant:
    """This process, as those know it who wait for it."""
    process = this_process(Purpose.COMMAND)
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return Claimant(
        name=name,
        user=user,
        uid=os.getuid(),
        pid=process.pid,
        command=process.command,
        worker=os.environ.get(WORKER, ""),
        test=test,
    )


@contextmanager
def claiming_for_target(
    target: Target,
    project: Project,
    *,
    overrides: Overrides | None = None,
    timeout: float | None = None,
    progress: Progress = SILENT,
) -> Iterator[None]:
    """Have what a target requires and holds while its machine is made in the block; the machine
    keeps it: what it requires until it is destroyed, what it holds while it runs.

    Raises as `Arbiter.claim` does. The caller holds the machine.
    """
    preemptible = target.deploy.deploy.preemptible if target.deploy else None
    amounts = machine_amounts(target, overrides)
    require_cards(target, project, ram=amounts[RAM])
    gives_way = gives_way_of(preemptible, amounts)
    with _claiming(
        find_arbiter(project, progress=progress),
        target.domain,
        requires=wish_of_machine(target),
        holds=gives_way.wish if gives_way else Wish(),
        timeout=timeout,
    ):
        allocate_cards(target, project, progress)
        yield


@contextmanager
def claiming_for_start(machine: Machine, *, timeout: float | None = None) -> Iterator[None]:
    """As `claiming_for_target`, for a machine that is there and is booted in the block."""
    record = machine.record
    require_same_cards(record)
    with _claiming(
        find_arbiter(project_of(record), progress=machine.progress),
        machine.name,
        requires=record.claims,
        holds=record.gives_way.wish if record.gives_way else Wish(),
        timeout=timeout,
    ):
        yield


@contextmanager
def _claiming(
    arbiter: Arbiter, domain: str, *, requires: Wish, holds: Wish, timeout: float | None
) -> Iterator[None]:
    wish = unite([requires, holds])
    if not wish:
        yield
        return
    lease = arbiter.claim(
        wish,
        this_claimant(domain),
        timeout=CLAIM_SECONDS if timeout is None else timeout,
        # What it has already, from an earlier start, is no reason to wait.
        owner=f"{os.getuid()}-{domain}",
        domain=domain,
    )
    try:
        yield
    except BaseException:
        give_back(lease, domain, success=False)
        raise
    lease.hand_over(domain, {Life.MACHINE: requires, Life.HOLDER: holds})


def give_back(lease: Lease, domain: str, *, success: bool) -> None:
    """Give a machine's claim back; while something is left of the machine, whoever removes that
    does. `success` is whether the claimant got what it came for."""
    record = None
    with suppress(StateError):
        record = find_record(domain)
    if record is not None and record.is_bound_to_owner:
        lease.abandon()
    else:
        lease.release(success=success)
