"""What the commands share: the project, the progress, and finding a machine by what was typed."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from charly_vm.errors import CharlyError, HostError

if TYPE_CHECKING:
    from charly_vm.host.progress import Progress
    from charly_vm.model.project import Project

name_argument = click.argument("name")
instance_option = click.option(
    "-i", "--instance", default="", help="A second machine of that name."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def project_file() -> Path:
    """The project in use. Raises `HostError` where there is none."""
    found = _find_file()
    if found is None:
        raise HostError(
            f"there is no charly.yml in {Path.cwd()} or above it",
            hint="change to a project's directory, or name its file with --project",
        )
    return found


def load() -> Project:
    """The project in use; what is doubtful in it goes to standard error."""
    from charly_vm.model.project import load_project

    project = load_project(project_file())
    for warning in project.warnings:
        click.echo(f"charly: warning: {warning}", err=True)
    return project


def find_loaded() -> Project | None:
    """The project in use where there is one, else what this host's own file says; for commands that
    need none."""
    from charly_vm.model.host_file import host_file
    from charly_vm.model.project import load_project

    found = _find_file()
    if found is None and host_file().exists():
        found = host_file()
    return load_project(found) if found else None


def _find_file() -> Path | None:
    from charly_vm.model.project import find_project_file

    given: Path | None = click.get_current_context().find_root().obj
    found = given or find_project_file(Path.cwd())
    # pytest, which may be told of it, knows no path with `..` in it; links in it are the user's.
    return Path(os.path.abspath(found)) if found else None  # noqa: PTH100


def progress() -> Progress:
    """Progress goes to standard error, so that standard output holds results only."""
    from charly_vm.host.terminal import progress_on

    return progress_on(sys.stderr)


def remove_expired() -> None:
    """Before anything else, remove the machines that were kept for a time that is over."""
    from charly_vm.machine.records import find_expired

    # What is wrong with the records is the command's to say.
    with suppress(CharlyError):
        # To remove a machine takes most of the engine, which to look takes not.
        if not find_expired():
            return
        from charly_vm.machine.expiry import remove_expired as remove

        for removed in remove():
            click.echo(f"removed {removed}", err=True)


def restore_holders() -> None:
    """Put back what was switched for claimants that are gone, and start again what gave way to
    them: before anything else, and once a machine has given something back."""
    from charly_vm.machine.claims import open_ledger
    from charly_vm.machine.service import ASKED_BY_ARBITER

    if ASKED_BY_ARBITER in os.environ:
        return
    with suppress(CharlyError):
        # To look takes little of the engine, and there is seldom something.
        ledger = open_ledger()
        if not ledger.has_stopped() and not any(ledger.directory.glob("modes/*.json")):
            return
        from charly_vm.machine.arbitration import find_arbiter

        find_arbiter(progress=progress()).restore()


def print_json(data: Any) -> None:
    click.echo(json.dumps(data, indent=2))


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns that are as wide as their content. Nothing is cut: on a terminal that is narrower,
    long cells go on below themselves."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    columns = shutil.get_terminal_size().columns
    if sys.stdout.isatty() and sum(widths) + 2 * (len(widths) - 1) > columns:
        _print_folded(header, rows, columns)
        return
    for row in [header, *rows]:
        click.echo(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )


def _print_folded(header: Sequence[str], rows: Sequence[Sequence[str]], columns: int) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="none")
    for cell in header:
        table.add_column(Text(cell), overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    Console(width=columns).print(table)
