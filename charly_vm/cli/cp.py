"""`charly vm cp`: files to and from a machine."""

from __future__ import annotations

import click

from charly_vm.cli.context import instance_option, progress


@click.command()
@click.argument("sources", nargs=-1, required=True)
@click.argument("destination")
@instance_option
@click.option("-r", "--recursive", is_flag=True, help="Directories too, with all that is in them.")
def cp(sources: tuple[str, ...], destination: str, instance: str, recursive: bool) -> None:
    """Copy SOURCES to DESTINATION; NAME:PATH is a path in the machine NAME.

    Permissions and times are kept. A path that is not absolute begins at the account's home.
    """
    from charly_vm.machine.copy import copy_files

    copy_files(sources, destination, instance=instance, recursive=recursive, progress=progress())
