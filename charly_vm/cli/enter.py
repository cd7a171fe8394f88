"""`charly vm ssh | console`: a person goes into a machine."""

from __future__ import annotations

from pathlib import Path

import click

from charly_vm.cli.context import instance_option, name_argument
from charly_vm.model.names import domain_of


class SshCommand(click.Command):
    """Options stand before or behind NAME, as for ssh; what comes after them is the guest's."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        taking_a_value = {
            option
            for parameter in self.params
            if isinstance(parameter, click.Option) and not parameter.is_flag
            for option in parameter.opts
        }
        if args and not args[0].startswith("-"):
            end = 1
            while end < len(args) and args[end].startswith("-") and args[end] != "--":
                end += 2 if args[end] in taking_a_value else 1
            args = [*args[1:end], args[0], *args[end:]]
        return super().parse_args(ctx, args)


@click.command(cls=SshCommand, context_settings={"allow_interspersed_args": False})
@name_argument
@instance_option
@click.option("-p", "--port", type=click.IntRange(1, 65535), help="Another port on 127.0.0.1.")
@click.option("-l", "--login", default="", help="Another account.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def ssh(name: str, instance: str, port: int | None, login: str, command: tuple[str, ...]) -> int:
    """Log in to NAME with the system's ssh, or run COMMAND there and pass its status on."""
    from charly_vm.host.process import interact, require_tool
    from charly_vm.machine.machine import require_machine

    record = require_machine(domain_of(name, instance)).record
    machine = record.machine
    argv: list[str | Path] = [
        require_tool("ssh", package="openssh-client"),
        *("-F", "none"),
        *("-o", f"UserKnownHostsFile={machine.paths.known_hosts}"),
        *("-o", f"HostKeyAlias={machine.domain}"),
        *("-o", "StrictHostKeyChecking=yes"),
        *("-o", "IdentitiesOnly=yes"),
        *("-i", str(machine.paths.user_key)),
        *("-p", str(port or machine.ssh_port)),
        *("-l", login or machine.user),
        "127.0.0.1",
        *without_separator(command),
    ]
    return interact(argv)


def without_separator(command: tuple[str, ...]) -> tuple[str, ...]:
    """The guest's command; click leaves a `--` behind NAME in place."""
    return command[1:] if command[:1] == ("--",) else command


@click.command()
@name_argument
@instance_option
def console(name: str, instance: str) -> None:
    """Attach to the serial console of NAME; Ctrl-] detaches."""
    from charly_vm.guest.console import attach_console
    from charly_vm.machine.machine import require_machine

    record = require_machine(domain_of(name, instance)).record
    attach_console(record.machine.paths.console_socket)
