"""What a deploy claims, and what it has while it runs: pure, from what its author has written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from charly_vm.arbiter.wish import CPUS, HOST_AMOUNTS, RAM, Wish, make_wish
from charly_vm.machine.records import GivesWay
from charly_vm.model.deploy import Preemptible
from charly_vm.model.project import Project, Target
from charly_vm.model.shipped import shipped_tokens
from charly_vm.model.spelling import find_meant

if TYPE_CHECKING:
    from charly_vm.model.resolve import Overrides


def wish_of_bed(target: Target) -> Wish:
    """What a bed claims: its tokens, and of the host's RAM and CPUs what its machine has."""
    return _wish_of(target, machine_amounts(target))


def wish_of_machine(target: Target) -> Wish:
    """What a machine that is made by hand claims: what its deploy requires, and no more."""
    return _wish_of(target, {})


def machine_amounts(target: Target, overrides: Overrides | None = None) -> dict[str, int]:
    """The RAM (bytes) and the CPUs of a target's machine."""
    deploy, entity = target.deploy and target.deploy.deploy, target.entity
    return {
        RAM: (overrides and overrides.ram) or (deploy and deploy.ram) or entity.ram,
        CPUS: (overrides and overrides.cpus) or (deploy and deploy.cpus) or entity.cpu,
    }


def _wish_of(target: Target, amounts: Mapping[str, int]) -> Wish:
    deploy = target.deploy and target.deploy.deploy
    if not deploy:
        return make_wish(amounts=amounts)
    wanted = dict(amounts)
    if given := deploy.requires_amount:
        said = {RAM: given.ram, CPUS: given.cpus, **given.others}
        wanted |= {token: amount for token, amount in said.items() if amount}
    return make_wish(deploy.requires_exclusive, deploy.requires_shared, wanted)


def gives_way_of(preemptible: Preemptible | None, machine: Mapping[str, int]) -> GivesWay | None:
    """How a deploy gives way; None where it does not, or has nothing to give. `machine` is the RAM
    and the CPUs that it has while it runs."""
    if preemptible is None:
        return None
    amounts = {token: machine[token] for token in preemptible.holds if token in machine}
    whole = [token for token in preemptible.holds if token not in HOST_AMOUNTS]
    wish = make_wish(whole, preemptible.shares, amounts)
    if not wish:
        return None
    return GivesWay(
        wish=wish,
        grace=preemptible.grace,
        on_success=preemptible.restore == "on-success",
        stop=preemptible.stop if preemptible.is_service else "",
        start=preemptible.start or "",
        running=preemptible.running or "",
        unless=preemptible.unless or "",
    )


def find_near_misses(wish: Wish, project: Project | None) -> list[str]:
    """What is doubtful in a wish, in words: tokens that are nearly one that a resource is called
    by. `project` may be missing; some tokens are known without."""
    known = project.resources if project else shipped_tokens()
    names = {name.rpartition(".")[2] for name in known}
    return [
        f"no resource is called {token!r}; did you mean {meant!r}?"
        for token in wish.tokens
        if (meant := find_meant(token, names))
    ]


def amounts_of(project: Project) -> dict[str, int]:
    """How much there is of each resource that has an amount, beside the host's own."""
    return {
        name.rpartition(".")[2]: node.resource.amount
        for name, node in project.resources.items()
        if node.resource.amount
    }
