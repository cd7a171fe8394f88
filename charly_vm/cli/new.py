"""`charly check new`: a bed to begin with."""

from __future__ import annotations

from pathlib import Path

import click

from charly_vm.cli.context import name_argument


@click.command()
@name_argument
@click.option(
    "--image",
    default="",
    metavar="URL|PATH",
    help="A cloud image to check, in place of a Debian from its packages.",
)
@click.option("--base-user", default="", metavar="USER", help="The account that the image has.")
def new(name: str, image: str, base_user: str) -> None:
    """Write the bed NAME into the project's charly.yml, or into a new one here, and a module with
    checks in Python beside it."""
    from charly_vm.check.new_bed import bed_name
    from charly_vm.machine.new_bed import write_bed
    from charly_vm.model.project import find_project_file

    given: Path | None = click.get_current_context().find_root().obj
    file = (given or find_project_file(Path.cwd()) or Path("charly.yml")).absolute()
    module = write_bed(file, name, image=image, base_user=base_user)
    click.echo(f"{bed_name(name)} is in {file} and {module.name}")
    click.echo(f"run it: charly check run {bed_name(name)}")
