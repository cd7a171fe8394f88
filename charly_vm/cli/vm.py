"""`charly vm build | create | start | stop | destroy | prune`: the verbs that change something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from charly_vm.cli.context import (
    instance_option,
    load,
    name_argument,
    progress,
    restore_holders,
)
from charly_vm.cli.quantities import SizeType, claim_timeout_option
from charly_vm.model.names import domain_of

if TYPE_CHECKING:
    from charly_vm.machine.machine import Machine
    from charly_vm.model.project import Target

READY_SECONDS = 600.0
"""For a machine of which no deploy says `timeout`."""
TRANSPORTS = ("registry", "containers-storage", "oci", "oci-archive")


wait_option = click.option(
    "--wait", is_flag=True, help="Return when the guest is ready, not when it boots."
)


class DiskType(click.Choice[str]):
    """qcow2 or raw; whoever asks for an ISO learns why there is none."""

    def __init__(self) -> None:
        super().__init__(("qcow2", "raw"))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if str(value).lower() == "iso":
            self.fail("an installed disk is no ISO image; use qcow2 or raw", param, ctx)
        return super().convert(value, param, ctx)


@click.command()
@name_argument
@click.option("--type", "type_", type=DiskType(), default="qcow2", help="What is written.")
@click.option("--size", type=SizeType(), help="What the guest sees, as in 40G.")
@click.option("--root-size", type=SizeType(), help="Cap the root partition (bootstrap, bootc).")
@click.option("--source", default="", metavar="PATH|URL", help="An image in place of NAME's own.")
@click.option("--transport", type=click.Choice(TRANSPORTS), help="Where bootc's image is read.")
@click.option("--console", is_flag=True, help="Show what the builder says (bootstrap, bootc).")
@click.option("--refresh", is_flag=True, help="Build anew although nothing has changed.")
def build(
    name: str,
    type_: str,
    size: int | None,
    root_size: int | None,
    source: str,
    transport: str | None,
    console: bool,
    refresh: bool,
) -> None:
    """Build or fetch the disk of NAME, where the store does not have it yet."""
    from charly_vm.machine.disks import (
        BuildOptions,
        build_disk,
        export_raw,
        output_file,
        require_meaning,
    )

    project, watcher = load(), progress()
    target = project.target(name)
    given = {
        "--root-size": bool(root_size),
        "--console": console,
        "--transport": bool(transport),
        "--source": bool(source),
    }
    require_meaning("cloud_image" if source else target.entity.source.kind, given)
    options = BuildOptions(
        size=size, source=source, refresh=refresh, root_size=root_size, show_output=console
    )
    image = build_disk(target, project.file, watcher, options)
    if type_ == "raw":
        click.echo(str(export_raw(image, project.file, target.entity_name, watcher)))
        return
    click.echo(f"{output_file(project.file, target.entity_name)} -> {image.path}")


@click.command()
@name_argument
@instance_option
@click.option("--ram", type=SizeType(), help="RAM, as in 8G.")
@click.option("--cpus", type=click.IntRange(min=1), help="Virtual CPUs.")
@click.option(
    "--ssh-key",
    metavar="auto|generate|none|PATH.pub",
    help="Which key logs in, in place of the file's key_source.",
)
@claim_timeout_option
@wait_option
def create(
    name: str,
    instance: str,
    ram: int | None,
    cpus: int | None,
    ssh_key: str | None,
    claim_timeout: float | None,
    wait: bool,
) -> None:
    """Make the machine NAME and boot it."""
    from charly_vm.machine.arbitration import claiming_for_target
    from charly_vm.machine.create import create_machine
    from charly_vm.machine.ownership import own_machine, this_process
    from charly_vm.machine.records import Purpose
    from charly_vm.model.resolve import Overrides

    project, watcher = load(), progress()
    target = project.target(name, instance)
    overrides = Overrides(ram=ram, cpus=cpus, key_source=ssh_key)
    with (
        own_machine(target.domain, progress=watcher),
        claiming_for_target(
            target, project, overrides=overrides, timeout=claim_timeout, progress=watcher
        ),
    ):
        machine = create_machine(
            target,
            project.file,
            this_process(Purpose.COMMAND),
            overrides=overrides,
            progress=watcher,
        )
    _finish(machine, target, wait=wait)


@click.command()
@name_argument
@instance_option
@click.option("--build", is_flag=True, help="Make the disk anew as well, from its source.")
@claim_timeout_option
@wait_option
def update(name: str, instance: str, build: bool, claim_timeout: float | None, wait: bool) -> None:
    """Destroy NAME and create it again as its file says now; a kept disk is used again."""
    from charly_vm.machine.arbitration import claiming_for_target
    from charly_vm.machine.ownership import own_machine
    from charly_vm.machine.update import update_machine

    project, watcher = load(), progress()
    target = project.target(name, instance)
    with (
        own_machine(target.domain, progress=watcher),
        claiming_for_target(target, project, timeout=claim_timeout, progress=watcher),
    ):
        machine = update_machine(target, project.file, build=build, progress=watcher)
    _finish(machine, target, wait=wait)


def _finish(machine: Machine, target: Target, *, wait: bool) -> None:
    if wait:
        machine.wait_until_ready(target.deploy.deploy.timeout if target.deploy else READY_SECONDS)
        machine.close()
    label = machine.record.label
    way = f"ssh {label}` logs in" if machine.record.machine.key else f"console {label}` attaches"
    click.echo(f"{machine.name} runs; `charly vm {way}")


@click.command()
@name_argument
@instance_option
@claim_timeout_option
@wait_option
def start(name: str, instance: str, claim_timeout: float | None, wait: bool) -> None:
    """Boot NAME, which has been created and is off."""
    from charly_vm.machine.arbitration import claiming_for_start
    from charly_vm.machine.machine import held_machine
    from charly_vm.machine.start import start_machine
    from charly_vm.model.protocols import DomainState

    with held_machine(domain_of(name, instance), progress=progress()) as machine:
        if machine.state() is DomainState.RUNNING:
            click.echo(f"{machine.name} runs already")
        else:
            with claiming_for_start(machine, timeout=claim_timeout):
                start_machine(machine)
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
    restore_holders()
    click.echo(f"{machine.name} is off: {outcome.value}")


@click.command()
@name_argument
@instance_option
@click.option("--disk", is_flag=True, help="Remove its disk and keys as well.")
def destroy(name: str, instance: str, disk: bool) -> None:
    """Remove the machine NAME; its disk stays for the next create, unless --disk is given."""
    from charly_vm.machine.machine import held_machine

    with held_machine(domain_of(name, instance), progress=progress()) as machine:
        machine.destroy(disk=disk, instance=disk)
    restore_holders()
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
