"""`charly check report`: the page of the latest run, rendered anew."""

from __future__ import annotations

from pathlib import Path

import click

from charly_vm.cli.context import json_option, project_file


@click.command()
@click.option("--open", "open_it", is_flag=True, help="Open it in your browser.")
@click.option(
    "--evidence",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where the evidence of the run is (default: charly-evidence beside the project).",
)
@json_option
def report(open_it: bool, evidence: Path | None, as_json: bool) -> None:
    """Render the report of the latest run anew from what is there, and print where it is."""
    from charly_vm.report.index import write_index
    from charly_vm.report.run_file import EVIDENCE_DIRECTORY, read_run, run_as_json

    directory = (evidence or project_file().parent / EVIDENCE_DIRECTORY).absolute()
    run = read_run(directory)
    index = write_index(run, directory)
    click.echo(run_as_json(run) if as_json else index, nl=not as_json)
    if open_it:
        _open(index)


def _open(index: Path) -> None:
    import webbrowser

    from charly_vm.errors import HostError

    if not webbrowser.open(index.as_uri()):
        raise HostError(
            "there is no browser that can be started from here",
            hint=f"open {index} yourself, or say in BROWSER which program to use",
        )
