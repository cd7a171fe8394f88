"""The tree of commands, as a table: `--help` reads it and imports nothing else."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from charly_vm.cli.context import remove_expired, restore_holders


class LazyGroup(click.Group):
    """A group whose commands are imported when they are run.

    `table` maps a command's name to the module that has it, its name there, and its one-line help.
    """

    def __init__(
        self, *args: Any, table: Mapping[str, tuple[str, str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.table:
            return None
        module, attribute, _ = self.table[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_) for name, (_, _, help_) in self.table.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    table={
        "list": ("charly_vm.cli.nodes", "list_nodes", "List every node of the project."),
        "vm": ("charly_vm.cli.root", "vm", "Build disks and run machines."),
        "update": (
            "charly_vm.cli.vm",
            "update",
            "Destroy a machine and create it as it is now written.",
        ),
        "check": ("charly_vm.cli.root", "check", "Run the checks of a bed."),
        "claim": ("charly_vm.cli.claim", "claim", "Run a command with scarce things of this host."),
        "preempt": ("charly_vm.cli.root", "preempt", "Show who has what, and who gave way."),
        "settings": ("charly_vm.cli.root", "settings", "Show and change this user's settings."),
        "schema": ("charly_vm.cli.schema", "schema", "Print the JSON Schema of charly.yml."),
        "doctor": (
            "charly_vm.cli.doctor",
            "doctor",
            "Show what this host has and what is missing.",
        ),
    },
)
@click.option(
    "--project",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="CHARLY_PROJECT",
    help="The project's charly.yml; found upwards from here where it is not given.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="charly-vm")
@click.pass_context
def charly(ctx: click.Context, project: Path | None, debug: bool) -> None:
    """Take virtual machines from a few lines of YAML to a verdict."""
    ctx.obj = project


@click.group(
    cls=LazyGroup,
    table={
        "build": ("charly_vm.cli.vm", "build", "Build or fetch the disk of a VM."),
        "create": ("charly_vm.cli.vm", "create", "Make a machine and boot it."),
        "start": ("charly_vm.cli.vm", "start", "Boot a machine that is off."),
        "stop": ("charly_vm.cli.vm", "stop", "Shut a machine down."),
        "destroy": ("charly_vm.cli.vm", "destroy", "Remove a machine."),
        "list": ("charly_vm.cli.listing", "list_machines", "List the machines."),
        "console": ("charly_vm.cli.enter", "console", "Attach to the serial console."),
        "ssh": ("charly_vm.cli.enter", "ssh", "Log in, or run a command in the guest."),
        "cp": ("charly_vm.cli.cp", "cp", "Copy files to and from a machine."),
        "snapshot": ("charly_vm.cli.root", "snapshot", "Take, list, go back to, remove snapshots."),
        "gpu": ("charly_vm.cli.root", "gpu", "Show and switch this host's graphics cards."),
        "show": ("charly_vm.cli.listing", "show", "Show what would run, and change nothing."),
        "prune": ("charly_vm.cli.vm", "prune", "Remove what runs that died have left."),
    },
)
def vm() -> None:
    """Build disks and run machines."""
    remove_expired()
    restore_holders()


@click.group(
    cls=LazyGroup,
    table={
        "create": ("charly_vm.cli.snapshot", "create", "Take a snapshot, running or off."),
        "list": ("charly_vm.cli.snapshot", "list_snapshots", "List the snapshots."),
        "revert": ("charly_vm.cli.snapshot", "revert", "Go back to a snapshot."),
        "delete": ("charly_vm.cli.snapshot", "delete", "Remove a snapshot."),
    },
)
def snapshot() -> None:
    """Take, list, go back to and remove snapshots of a machine."""


@click.group(
    cls=LazyGroup,
    table={
        "status": ("charly_vm.cli.gpu", "status", "What this host can do with its cards."),
        "list": ("charly_vm.cli.gpu", "list_cards", "Each card as a block for charly.yml."),
        "plan": ("charly_vm.cli.gpu", "plan", "What a switch would do; changes nothing."),
        "mode": ("charly_vm.cli.gpu", "mode", "Show a card's mode, or switch it."),
        "recover": ("charly_vm.cli.gpu", "recover", "Make a half-switched card whole again."),
    },
)
def gpu() -> None:
    """Show and switch this host's graphics cards: for one machine, or for containers."""


@click.group(
    cls=LazyGroup,
    table={
        "get": ("charly_vm.cli.settings", "get", "Print one."),
        "set": ("charly_vm.cli.settings", "set_value", "Set one for this user."),
        "list": ("charly_vm.cli.settings", "list_settings", "List all, and who says what."),
        "unset": ("charly_vm.cli.settings", "unset", "Go back to the default of one."),
    },
)
def settings() -> None:
    """Show and change this user's settings: a flag beats the environment, which beats them."""


@click.group(
    cls=LazyGroup,
    table={
        "run": ("charly_vm.cli.check", "run", "A bed from nothing to a verdict."),
        "live": ("charly_vm.cli.check", "live", "Check a machine that runs already."),
        "list": ("charly_vm.cli.check", "list_beds", "List the beds of the project."),
        "libvirt": ("charly_vm.cli.probe", "libvirt", "Ask a machine's hypervisor or guest agent."),
        "spice": ("charly_vm.cli.probe", "spice", "See and touch a machine over SPICE."),
        "new": ("charly_vm.cli.new", "new", "Write a bed to begin with."),
        "report": ("charly_vm.cli.report", "report", "The page of the latest run."),
    },
)
def check() -> None:
    """Run the checks of a bed."""
    remove_expired()
    restore_holders()


@click.group(
    cls=LazyGroup,
    table={
        "status": ("charly_vm.cli.preempt", "status", "Who has what, who waits, who gave way."),
        "restore": ("charly_vm.cli.preempt", "restore", "Start again what gave way."),
        "inhibit": ("charly_vm.cli.preempt", "inhibit", "Have nobody give way for a while."),
        "release": ("charly_vm.cli.preempt", "release", "Take a claim out by hand."),
    },
)
def preempt() -> None:
    """Show and settle who has what of this host's scarce things."""
