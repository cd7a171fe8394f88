"""`charly vm build | create | start | stop | destroy | prune`: the verbs that change something."""

from __future__ import annotations

from typing import Any

import click

from charly_vm.cli.context import (
    instance_option,
    load,
    name_argument,
    progress,
)
from charly_vm.model.names import domain_of

READY_SECONDS = 600.0


class SizeType(click.ParamType[int]):
    """A size with a unit, as in charly.yml."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        from charly_vm.model.quantities import parse_size

        try:
            return parse_size(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@name_argument
def build(name: str) -> None:
    """Build or fetch the disk of NAME, where the store does not have it yet."""
    from charly_vm.machine.disks import build_disk, output_link

    project = load()
    target = project.target(name)
    image = build_disk(target, project.file, progress())
    click.echo(f"{output_link(project.file, target.entity_name)} -> {image.path}")


@click.command()
@name_argument
@instance_option
@click.option("--ram", type=SizeType(), help="RAM, as in 8G.")
@click.option("--cpus", type=click.IntRange(min=1), help="Virtual CPUs.")
@click.option("--wait", is_flag=True, help="Return when the guest is ready, not when it boots.")
def create(name: str, instance: str, ram: int | None, cpus: int | None, wait: bool) -> None:
    """Make the machine NAME and boot it."""
    from charly_vm.machine.create import create_machine
    from charly_vm.machine.ownership import own_machine, this_process
    from charly_vm.machine.records import Purpose
    from charly_vm.model.resolve import Overrides

    project, watcher = load(), progress()
    target = project.target(name, instance)
    with own_machine(target.domain, progress=watcher):
        machine = create_machine(
            target,
            project.file,
            this_process(Purpose.COMMAND),
            overrides=Overrides(ram=ram, cpus=cpus),
            progress=watcher,
        )
    if wait:
        machine.wait_until_ready(READY_SECONDS)
        machine.close()
    click.echo(f"{machine.name} runs; `charly vm ssh {machine.record.label}` logs in")


@click.command()
@name_argument
@instance_option
@click.option("--wait", is_flag=True, help="Return when the guest is ready, not when it boots.")
def start(name: str, instance: str, wait: bool) -> None:
    """Boot NAME, which has been created and is off."""
    from charly_vm.machine.machine import held_machine
    from charly_vm.model.protocols import DomainState

    with held_machine(domain_of(name, instance), progress=progress()) as machine:
        if machine.state() is DomainState.RUNNING:
            click.echo(f"{machine.name} runs already")
        else:
            machine.start()
    if wait:
        machine.wait_until_ready(READY_SECONDS)
        machine.close()


@click.command()
@name_argument
@instance_option
@click.option("--force", is_flag=True, help="Power off at once.")
def stop(name: str, instance: str, force: bool) -> None:
    """Have the guest of NAME shut down; power it off where it does not."""
    from charly_vm.machine.machine import held_machine

    with held_machine(domain_of(name, instance), progress=progress()) as machine:
        outcome = machine.stop(force=force)
    click.echo(f"{machine.name} is off: {outcome.value}")


@click.command()
@name_argument
@instance_option
@click.option("--disk", is_flag=True, help="Remove its disk and keys as well.")
def destroy(name: str, instance: str, disk: bool) -> None:
    """Remove the machine NAME; its disk stays for the next create, unless --disk is given."""
    from charly_vm.machine.machine import held_machine

    with held_machine(domain_of(name, instance), progress=progress()) as machine:
        machine.destroy(disk=disk)
    rest = "and its disk are gone" if disk else "is gone; its disk is kept"
    click.echo(f"{machine.name} {rest}")


@click.command()
def prune() -> None:
    """Remove machines of runs that died, half-made disks, and images that nothing needs."""
    from charly_vm.machine.prune import prune as prune_all

    removed, failed = prune_all(progress=progress())
    for line in removed:
        click.echo(f"removed {line}")
    for error in failed:
        click.echo(f"left: {error}", err=True)
    if not removed and not failed:
        click.echo("nothing to remove")
    if failed:
        click.get_current_context().exit(1)
