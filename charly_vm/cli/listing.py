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
    """List the running machines, or all."""
    from charly_vm.machine.ownership import is_left_over
    from charly_vm.machine.records import read_records

    records, errors = read_records()
    rows = []
    left_over = 0
    for record in records:
        state = _state(record)
        abandoned = is_left_over(record)
        left_over += abandoned
        if show_all or state not in OFF or abandoned:
            rows.append(_row(record, state, abandoned))
    if as_json:
        print_json(rows)
    else:
        header = ("NAME", "STATE", "BACKEND", "SSH PORT", "DISPOSABLE", "OWNER")
        print_table(header, [tuple(_cell(row[key]) for key in _COLUMNS) for row in rows])
    for error in errors:
        click.echo(f"charly: {error}", err=True)
    if left_over:
        click.echo(
            f"{left_over} left over by runs that died; `charly vm prune` removes them", err=True
        )


OFF = ("shut off", "missing", "disk kept")
"""States that are shown with -a only; one that could not be learnt is none of them."""

_COLUMNS = ("name", "state", "backend", "ssh_port", "disposable", "owner")


def _row(record: MachineRecord, state: str, abandoned: bool) -> dict[str, Any]:
    purpose = record.owner.purpose.value
    return {
        "name": record.label,
        "domain": record.machine.domain,
        "instance": record.instance,
        "state": f"{state} (left over)" if abandoned else state,
        "backend": record.machine.backend.value,
        "ssh_port": record.machine.ssh_port,
        "disposable": record.machine.disposable,
        "owner": f"{purpose}: {record.owner}",
        "left_over": abandoned,
        "stage": record.stage.value,
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


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


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
