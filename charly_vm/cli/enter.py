"""`charly vm ssh | console`: a person goes into a machine."""

from __future__ import annotations

from typing import Any

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
    from charly_vm.machine.ssh_config import render_options

    program = require_tool("ssh", package="openssh-client (Fedora: openssh-clients, Arch: openssh)")
    found = require_machine(domain_of(name, instance))
    machine = found.record.machine
    options = render_options(machine, found.find_address())
    if port:
        options["Port"] = str(port)
    if login:
        options["User"] = login
    words = [f"-o{keyword}={value}" for keyword, value in options.items()]
    status = interact([program, "-F", "none", *words, machine.domain, *without_separator(command)])
    # As a shell says it of a command that a signal has ended.
    return status if status >= 0 else 128 - status


def without_separator(command: tuple[str, ...]) -> tuple[str, ...]:
    """The guest's command; click leaves a `--` behind NAME in place."""
    return command[1:] if command[:1] == ("--",) else command


class ControlKeyType(click.ParamType[str]):
    """A key such as ^]."""

    name = "key"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        from charly_vm.host.control_keys import parse_control_key

        try:
            parse_control_key(value)
        except ValueError as error:
            self.fail(f"{value!r} {error}", param, ctx)
        return str(value)


@click.command()
@name_argument
@instance_option
@click.option(
    "--detach-key",
    type=ControlKeyType(),
    help="The key that leaves it, as in ^a; else the setting console.detach_key.",
)
@click.option(
    "--resize",
    is_flag=True,
    help="Type `stty rows … cols …` into the guest, now and when the window changes; for a "
    "console on which a shell waits.",
)
def console(name: str, instance: str, detach_key: str | None, resize: bool) -> None:
    """Attach to the serial console of NAME; Ctrl-] detaches. Enter brings a prompt."""
    from charly_vm.guest.console import attach_console
    from charly_vm.host.control_keys import parse_control_key
    from charly_vm.host.settings import find_value
    from charly_vm.machine.machine import require_machine

    machine = require_machine(domain_of(name, instance))
    detach = parse_control_key(find_value("console.detach_key", flag=detach_key).text)
    with machine.console() as socket:
        attach_console(socket, detach=detach, resize=resize)
