"""`charly vm list | show`: looking without changing anything."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import click

from charly_vm.cli.context import (
    instance_option,
    json_option,
    load,
    name_argument,
    print_json,
    print_table,
)

if TYPE_CHECKING:
    from charly_vm.machine.records import MachineRecord


@click.command("list")
@click.option("-a", "--all", "show_all", is_flag=True, help="Also machines that are off.")
@json_option
def list_machines(show_all: bool, as_json: bool) -> None:
    """List the running machines, or all: their ports, who made each, and who works on it now."""
    from charly_vm.machine.ownership import is_left_over
    from charly_vm.machine.records import read_records

    records, errors = read_records()
    gave_way = _find_those_that_gave_way()
    rows = []
    left_over = 0
    for record in records:
        state = _state(record)
        abandoned = is_left_over(record)
        left_over += abandoned
        row = _row(record, state, abandoned, gave_way.get(record.machine.domain, ""))
        if show_all or state not in OFF or abandoned or row["gave_way_to"]:
            rows.append(row)
    if as_json:
        print_json(rows)
    else:
        print_table(_HEADER, [_cells(row) for row in rows])
    for error in errors:
        click.echo(f"charly: {error}", err=True)
    if left_over:
        click.echo(
            f"{left_over} left over by runs that died; `charly vm prune` removes them", err=True
        )


OFF = ("shut off", "missing", "disk kept")
"""States that are shown with -a only; one that could not be learnt is none of them."""

_HEADER = (
    *("NAME", "INSTANCE", "STATE", "BACKEND", "PORTS", "DISPOSABLE", "GIVES WAY WITH"),
    *("MADE BY", "IN USE BY"),
)


def _row(record: MachineRecord, state: str, abandoned: bool, gave_way_to: str) -> dict[str, Any]:
    from charly_vm.machine.ownership import find_holder

    machine = record.machine
    return {
        "name": record.name,
        "instance": record.instance,
        "label": record.label,
        "domain": machine.domain,
        "entity": record.entity,
        "project": record.project,
        "state": state,
        "stage": record.stage.value,
        "backend": machine.backend.value,
        "hypervisor": machine.hypervisor.uri if machine.hypervisor else "",
        "ssh_port": machine.ssh_port,
        "ports": [
            {"host": one.host, "guest": one.guest, "protocol": one.protocol}
            for one in machine.forwards
        ],
        "disposable": machine.disposable,
        "lifecycle": machine.lifecycle,
        "autostart": machine.autostart,
        "gives_way": str(record.gives_way.wish) if record.gives_way else "",
        "gave_way_to": gave_way_to,
        "owner": f"{record.owner.purpose.value}: {record.owner}",
        "held_by": find_holder(machine.domain),
        "left_over": abandoned,
    }


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    ports = [
        f"{one['host']}:{one['guest']}" + ("/udp" if one["protocol"] == "udp" else "")
        for one in row["ports"]
    ]
    told = " (left over)" if row["left_over"] else ""
    if row["gave_way_to"]:
        told = f" (gave way to {row['gave_way_to']})"
    return (
        row["name"],
        row["instance"],
        row["state"] + told,
        row["backend"] + (f" at {row['hypervisor']}" if row["hypervisor"] else ""),
        " ".join(ports),
        "yes" if row["disposable"] else "no",
        row["gives_way"],
        row["owner"],
        row["held_by"],
    )


def _find_those_that_gave_way() -> dict[str, str]:
    """The domains that are stopped for a claimant now, with the claimant in words."""
    from charly_vm.machine.claims import open_ledger

    return {
        record.found_by["domain"]: record.claimant
        for record in open_ledger().peek_stopped()
        if "domain" in record.found_by
    }


def _state(record: MachineRecord) -> str:
    """What the backend says at this moment, in one word where it can say it."""
    from charly_vm.errors import CharlyError
    from charly_vm.machine.machine import Machine
    from charly_vm.machine.records import Stage

    if record.stage is Stage.DISK_KEPT:
        return str(record.stage.value)
    try:
        return str(Machine(record).state().value)
    except CharlyError as error:
        return f"unknown ({error.message})"


@click.command()
@name_argument
@instance_option
@json_option
def show(name: str, instance: str, as_json: bool) -> None:
    """Show the resolved machine, its domain XML or QEMU command, and its seed."""
    from charly_vm.machine.preview import preview

    project = load()
    machine, description, documents = preview(project.target(name, instance))
    fields = {key: _plain(value) for key, value in dataclasses.asdict(machine).items()}
    del fields["block"]
    fields["libvirt"] = dict(machine.block.data)
    if as_json:
        print_json({"machine": fields, "description": description, "seed": documents})
        return
    for key, value in fields.items():
        click.echo(f"{key}: {value}")
    click.echo(f"\n{description}")
    for title, text in documents.items():
        click.echo(f"\n--- {title}\n{text}")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value if isinstance(value, int | bool) else str(getattr(value, "value", value))
