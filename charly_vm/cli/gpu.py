"""`charly vm gpu status | list | plan | mode | recover`: the host's cards, and whom they serve."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from charly_vm.cli.context import find_loaded, json_option, print_json, print_table, progress
from charly_vm.errors import HostError
from charly_vm.host.amounts import format_size

if TYPE_CHECKING:
    from charly_vm.gpu.plan import Plan
    from charly_vm.gpu.status import CardStatus, FunctionStatus, HostStatus

MODES = ("vfio", "nvidia")
MEANINGS = {
    "vfio": "ready for a machine",
    "nvidia": "serves containers",
    "unbound": "has no driver; `charly vm gpu mode vfio`, or `mode nvidia`, gives it one",
    "half-switched": "is between two modes; `charly vm gpu recover` makes it ready for a machine",
    "wedged": "hangs in its driver until this host is reset",
    "given up": "is not to be touched until this host is reset",
}
card_argument = click.argument("card", default="")


@click.command()
@json_option
def status(as_json: bool) -> None:
    """Show what this host can do, which mode each card is in, and what hinders it."""
    from charly_vm.gpu.status import read_status
    from charly_vm.machine.claims import describe_claims

    found = read_status()
    try:
        claims = describe_claims()
    except HostError as error:
        # Who has a card is the least that may be wanted to be known of it.
        click.echo(f"charly: warning: who has claimed what is not known: {error}", err=True)
        claims = {}
    if as_json:
        told = dataclasses.asdict(found)
        for card in told["cards"]:
            card["claims"] = claims.get(card["address"], [])
        print_json(told)
        return
    _print_host(found)
    if not found.cards:
        click.echo("there is no graphics card")
    for card in found.cards:
        click.echo()
        _print_card(card, claims.get(card.address, ()))


def _print_host(found: HostStatus) -> None:
    words = f" ({' '.join(found.command_line)})" if found.command_line else ""
    click.echo(f"IOMMU: {'at work' if found.iommu else 'not at work'}{words}")
    pinned = "without a limit" if found.memlock is None else format_size(found.memlock)
    click.echo(f"memory that a machine with a card may pin: {pinned}")
    for line in found.wedge:
        click.echo(f"WEDGED: {line}")
    if found.unsure:
        tasks = "1 task is" if found.unsure == 1 else f"{found.unsure} tasks are"
        click.echo(
            f"{tasks} in uninterruptible sleep, and only root may see where: "
            "run it as root to know whether a driver hangs"
        )
    for one in found.obstacles:
        click.echo(f"  {one.reason}\n    what helps: {one.remedy}")


def _print_card(card: CardStatus, claims: Sequence[str]) -> None:
    group = f", IOMMU group {card.group}" if card.group >= 0 else ""
    click.echo(f"{card.address}  {card.name}{group}")
    meaning = MEANINGS.get(card.state, "")
    click.echo(f"  mode: {card.state}" + (f", {meaning}" if meaning else ""))
    print_table(
        ("  FUNCTION", "WHAT", "DRIVER"),
        [
            (f"  {one.address}", f"{one.what}: {one.name}", _describe_driver(one))
            for one in card.functions
        ],
    )
    if card.node and not card.access:
        from charly_vm.gpu.status import NODE_REMEDY

        click.echo(f"  this account may not use {card.node}\n    what helps: {NODE_REMEDY}")
    for claim in claims:
        click.echo(f"  claimed: it {claim}")
    remedies = {one.reason: one.remedy for one in card.obstacles}
    for holder in card.holders:
        click.echo(f"  in use: {holder}")
        if remedies.get(holder):
            click.echo(f"    what helps: {remedies[holder]}")
    if card.hidden and card.state == "nvidia":
        click.echo(f"  {card.hidden} processes of others may use it; root can see that")
    if card.own:
        click.echo(f"  the host's own, and stays that: {card.own}")
        return
    for one in card.obstacles:
        if any(one.reason == holder for holder in card.holders):
            continue
        click.echo(f"  cannot go to a machine: {one.reason}")
        if one.remedy:
            click.echo(f"    what helps: {one.remedy}")


def _describe_driver(function: FunctionStatus) -> str:
    only = f", and only {function.override} may have it" if function.override else ""
    return f"{function.driver or '-'}{only}"


@click.command("list")
@json_option
def list_cards(as_json: bool) -> None:
    """Print each card as a block for charly.yml, by which a machine gets it."""
    from charly_vm.gpu.allocation import hostdevs_of, render_hostdev
    from charly_vm.gpu.status import read_status

    found = read_status()
    if as_json:
        print_json(
            [
                {"address": one.address, "name": one.name, "hostdevs": hostdevs_of(one)}
                for one in found.cards
            ]
        )
        return
    for number, card in enumerate(found.cards):
        if number:
            click.echo()
        click.echo(f"# {card.name} at {card.address}, IOMMU group {card.group}, now {card.state}")
        if card.own:
            click.echo(f"# It is the host's own, and stays that: {card.own}")
            continue
        click.echo("libvirt:\n  devices:\n    hostdevs:")
        for device in hostdevs_of(card):
            click.echo(f"      - {render_hostdev(device)}")
    if not found.cards:
        click.echo("# this host has no graphics card")


words_argument = click.argument("words", nargs=-1, metavar="[vfio|nvidia] [CARD]")


def _target_and_card(words: tuple[str, ...]) -> tuple[str, str]:
    """Each of the two may be left out."""
    targets = [word for word in words if word in MODES]
    cards = [word for word in words if word not in MODES]
    if len(targets) > 1 or len(cards) > 1:
        raise click.UsageError("say one mode, vfio or nvidia, and one card")
    return "".join(targets), "".join(cards)


@click.command()
@words_argument
@json_option
def plan(words: tuple[str, ...], as_json: bool) -> int:
    """Show what a switch of CARD to a mode, vfio where none is said, would do, and why it would be
    refused. Changes nothing."""
    from charly_vm.machine.gpu_switch import plan_of

    target, card = _target_and_card(words)
    target = target or "vfio"
    made = plan_of(card, target, find_loaded())
    if as_json:
        print_json(
            {
                "card": made.card.address,
                "target": target,
                "steps": [{**dataclasses.asdict(step), "text": str(step)} for step in made.steps],
                "refusals": [dataclasses.asdict(one) for one in made.refusals],
                "unseen": made.unseen,
                "uses": made.uses,
            }
        )
    else:
        _print_plan(made)
    return 1 if made.refusals else 0


def _print_plan(made: Plan) -> None:
    click.echo(f"{made.card.address} is {made.card.state}; to {made.target.value}:")
    for number, step in enumerate(made.steps, 1):
        click.echo(f"  {number:2}. {step}")
    if not made.steps:
        click.echo("  nothing to do")
    for one in made.refusals:
        click.echo(f"refused: {one.reason}")
        if one.remedy:
            click.echo(f"  what helps: {one.remedy}")
    if made.unseen:
        counted = f"; the kernel counts {made.uses} uses of nvidia" if made.uses else ""
        click.echo(
            f"{made.unseen} processes are closed to this account, and may have the card open"
            f"{counted}: run it as root to know"
        )


@click.command()
@words_argument
def mode(words: tuple[str, ...]) -> None:
    """Switch CARD to a machine (vfio), or to containers (nvidia). Without either, show its mode."""
    from charly_vm.machine.gpu_switch import find_card, switch_by_hand

    target, card = _target_and_card(words)
    project = find_loaded()
    if not target:
        click.echo(find_card(card, project).state)
        return
    click.echo(switch_by_hand(card, target, project, progress=progress()))


@click.command()
@card_argument
def recover(card: str) -> None:
    """Take an interrupted switch of CARD back, or put all of a half-switched card on vfio-pci.

    Where a driver hangs it says so, and writes nothing.
    """
    from charly_vm.machine.gpu_switch import recover_card

    click.echo(recover_card(card, find_loaded(), progress=progress()))
