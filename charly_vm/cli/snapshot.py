"""`charly vm snapshot create | list | revert | delete`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import click

from charly_vm.cli.context import (
    instance_option,
    json_option,
    name_argument,
    print_json,
    print_table,
    progress,
)
from charly_vm.model.names import domain_of

if TYPE_CHECKING:
    from charly_vm.machine.snapshot_record import Pending, Snapshot
    from charly_vm.machine.snapshots import Wish

snapshot_argument = click.argument("snapshot")


@click.command()
@name_argument
@snapshot_argument
@instance_option
@click.option(
    "--mode",
    type=click.Choice(["external", "internal"]),
    help="external: the disk alone. internal: inside the disk's image, and with the memory of a "
    "machine that runs.",
)
@click.option("-d", "--description", help="A line for people.")
@click.option(
    "--quiesce/--no-quiesce",
    default=None,
    help="Have the guest agent bring the file systems to rest meanwhile.",
)
def create(
    name: str,
    snapshot: str,
    instance: str,
    mode: str | None,
    description: str | None,
    quiesce: bool | None,
) -> None:
    """Take SNAPSHOT of the machine NAME, running or off.

    What is not said here is taken from the entity's `snapshot:` of that name, where it has one.
    """
    from charly_vm.machine.machine import held_machine
    from charly_vm.machine.snapshot_record import Mode
    from charly_vm.machine.snapshot_wishes import find_wishes
    from charly_vm.machine.snapshots import Wish, create_snapshot

    watcher = progress()
    with held_machine(domain_of(name, instance), progress=watcher) as machine:
        wish = find_wishes(machine.record, watcher).get(snapshot, Wish(snapshot))
        said: dict[str, Any] = {
            "mode": mode and Mode(mode),
            "description": description,
            "quiesce": quiesce,
        }
        changes = {key: value for key, value in said.items() if value is not None}
        made = create_snapshot(machine, dataclasses.replace(wish, **changes))
    click.echo(f"{machine.name} has the {made.mode.value} snapshot {made.name}, {_content(made)}")


@click.command("list")
@name_argument
@instance_option
@json_option
def list_snapshots(name: str, instance: str, as_json: bool) -> None:
    """List the snapshots of NAME, and those that its entity names and that are not taken."""
    from charly_vm.machine.machine import require_machine
    from charly_vm.machine.snapshot_record import read_snapshots
    from charly_vm.machine.snapshot_wishes import find_wishes

    machine = require_machine(domain_of(name, instance))
    record = read_snapshots(machine.record.machine.paths)
    rows = [_row(one, record.current, record.pending) for one in record.snapshots]
    wishes = find_wishes(machine.record, progress())
    rows += [_wished(one) for one in wishes.values() if record.find(one.name) is None]
    if as_json:
        print_json(rows)
        return
    header = ("", "NAME", "MODE", "HOLDS", "FROM", "TAKEN", "DESCRIPTION")
    keys = ("name", "mode", "holds", "parent", "created", "description")
    print_table(
        header,
        [("*" if row["current"] else "", *(str(row[key]) for key in keys)) for row in rows],
    )


@click.command()
@name_argument
@snapshot_argument
@instance_option
def revert(name: str, snapshot: str, instance: str) -> None:
    """Bring NAME back to SNAPSHOT; what it has become since then is lost."""
    from charly_vm.machine.machine import held_machine
    from charly_vm.machine.snapshots import revert_to_snapshot

    with held_machine(domain_of(name, instance), progress=progress()) as machine:
        revert_to_snapshot(machine, snapshot)
        state = machine.state()
    click.echo(f"{machine.name} is back at {snapshot}, {state.value}")


@click.command()
@name_argument
@snapshot_argument
@instance_option
def delete(name: str, snapshot: str, instance: str) -> None:
    """Remove SNAPSHOT of NAME; the machine itself stays as it is."""
    from charly_vm.machine.machine import held_machine
    from charly_vm.machine.snapshots import delete_snapshot

    with held_machine(domain_of(name, instance), progress=progress()) as machine:
        delete_snapshot(machine, snapshot)
    click.echo(f"{machine.name} no longer has the snapshot {snapshot}")


def _content(snapshot: Snapshot) -> str:
    if snapshot.memory:
        return "disk and memory"
    return "disk, file systems at rest" if snapshot.quiesced else "disk"


def _row(snapshot: Snapshot, current: str, pending: Pending | None) -> dict[str, Any]:
    cut_short = pending is not None and pending.name == snapshot.name
    return {
        "name": snapshot.name,
        "mode": snapshot.mode.value,
        "holds": f"{pending.verb.value} under way" if pending and cut_short else _content(snapshot),
        "parent": snapshot.parent,
        "created": snapshot.created,
        "description": snapshot.description,
        "current": snapshot.name == current,
        "taken": True,
    }


def _wished(wish: Wish) -> dict[str, Any]:
    return {
        "name": wish.name,
        "mode": wish.mode.value,
        "holds": "not taken yet",
        "parent": wish.parent,
        "created": "",
        "description": wish.description,
        "current": False,
        "taken": False,
    }
