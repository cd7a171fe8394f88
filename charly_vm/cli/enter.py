"""`charly vm ssh | console`: a person goes into a machine."""

from __future__ import annotations

from pathlib import Path

import click

from charly_vm.cli.context import domain_of, instance_option, name_argument


@click.command(context_settings={"ignore_unknown_options": True})
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
        *command,
    ]
    return interact(argv)


@click.command()
@name_argument
@instance_option
def console(name: str, instance: str) -> None:
    """Attach to the serial console of NAME; Ctrl-] detaches."""
    from charly_vm.guest.console import attach_console
    from charly_vm.machine.machine import require_machine

    record = require_machine(domain_of(name, instance)).record
    attach_console(record.machine.paths.console_socket)
