"""`charly preempt status | restore | inhibit | release`: who has what, and who gave way."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from charly_vm.cli.context import find_loaded, json_option, print_json, print_table, progress
from charly_vm.cli.quantities import DurationType

if TYPE_CHECKING:
    from charly_vm.machine.standing import Standing

LOOK_EVERY = 1.0


@click.command()
@json_option
@click.option("--watch", is_flag=True, help="Show it anew whenever it changes, until Ctrl-C.")
def status(as_json: bool, watch: bool) -> None:
    """Show who has what, who waits for it and why, and who gave way."""
    from charly_vm.machine.standing import find_standing

    shown: object = None
    while True:
        standing = find_standing(find_loaded())
        if standing != shown:
            if watch and not as_json:
                click.clear()
            _print(standing, as_json=as_json)
            shown = standing
        if not watch:
            return
        try:
            time.sleep(LOOK_EVERY)
        except KeyboardInterrupt:
            return


def _print(standing: Standing, *, as_json: bool) -> None:
    import dataclasses

    if as_json:
        print_json(dataclasses.asdict(standing))
        return
    if standing.claims:
        print_table(
            ("CLAIM", "WHAT", "STATE", "WHO", "WHY"),
            [(one.id, one.what, one.state, one.who, one.why) for one in standing.claims],
        )
    if standing.holders:
        print_table(
            ("HOLDER", "HAS", "STATE", "WHY"),
            [(one.name, one.what, one.state, one.why) for one in standing.holders],
        )
    for line in standing.notes:
        click.echo(line)
    if not (standing.claims or standing.holders or standing.notes):
        click.echo("nothing is claimed")


@click.command()
@click.argument("claimant", default="")
def restore(claimant: str) -> None:
    """Start again what gave way, to CLAIMANT or to anybody, and is not needed any more."""
    from charly_vm.machine.arbitration import find_arbiter

    arbiter = find_arbiter(find_loaded(), progress=progress())
    arbiter.forgive(claimant)
    done = arbiter.restore(wait=True)
    arbiter.expect_return()
    for line in done:
        click.echo(line)
    if not done:
        click.echo("nothing to start")


@click.command()
@click.option("--for", "seconds", type=DurationType(), help="How long: 30m, 2h.")
@click.option("--off", is_flag=True, help="Take it back.")
def inhibit(seconds: float | None, off: bool) -> None:
    """Have none of this account's holders give way for a while: its owner is at work."""
    import os

    from charly_vm.arbiter.inhibition import allow
    from charly_vm.arbiter.inhibition import inhibit as have_nobody_give_way
    from charly_vm.machine.claims import open_ledger

    if off == (seconds is not None):
        raise click.UsageError("say either --for how long, or --off")
    ledger = open_ledger()
    if seconds is None:
        was = allow(ledger, os.getuid())
        click.echo("holders give way again" if was else "they gave way already")
        return
    until = have_nobody_give_way(ledger, os.getuid(), seconds)
    told = time.strftime("%Y-%m-%d %H:%M", time.localtime(until))
    click.echo(f"no holder gives way until {told}; `charly preempt inhibit --off` takes it back")


@click.command()
@click.argument("claim")
@click.option("--force", is_flag=True, help="Do it, whatever still uses what is claimed.")
def release(claim: str, force: bool) -> None:
    """Take CLAIM, an id or a claimant, out of the ledger by hand."""
    from charly_vm.machine.arbitration import find_arbiter

    arbiter = find_arbiter(find_loaded(), progress=progress())
    found = arbiter.find_claim(claim)
    if not force:
        raise click.ClickException(
            f"{found.claimant} has {found.wish}. What it has may be given to somebody else while "
            "it still uses it, and a device that two use can hang the host; --force does it"
        )
    arbiter.end(found)
    click.echo(f"{found.wish} is free; {found.claimant} may still use it")
    for line in arbiter.restore():
        click.echo(line)
