"""`charly settings get | set | list | unset`."""

from __future__ import annotations

import click

from charly_vm.cli.context import json_option, print_json, print_table


@click.command()
@click.argument("key")
def get(key: str) -> None:
    """Print what holds for KEY."""
    from charly_vm.host.settings import find_value

    click.echo(find_value(key).text)


@click.command("set")
@click.argument("key")
@click.argument("value")
def set_value(key: str, value: str) -> None:
    """Set KEY to VALUE for this user."""
    from charly_vm.host.settings import find_value, write_setting

    write_setting(key, value)
    holds = find_value(key)
    if holds.text != value:
        click.echo(
            f"{key} is {holds.text} all the same, by {holds.setting.variable} of the environment",
            err=True,
        )


@click.command("list")
@json_option
def list_settings(as_json: bool) -> None:
    """List all settings, what holds for each, and who says so."""
    from charly_vm.host.settings import SETTINGS, find_value

    found = [find_value(key) for key in SETTINGS]
    if as_json:
        print_json(
            [
                {
                    "key": one.setting.key,
                    "value": one.text,
                    "from": one.origin,
                    "environment": one.setting.variable,
                    "default": one.setting.default,
                    "allowed": list(one.setting.allowed),
                    "help": one.setting.help,
                }
                for one in found
            ]
        )
        return
    print_table(
        ("KEY", "VALUE", "FROM", "ENVIRONMENT", "ALLOWED", "WHAT IT IS"),
        [
            (
                one.setting.key,
                one.text or '""',
                one.origin,
                one.setting.variable,
                " ".join(one.setting.allowed) or "text",
                one.setting.help,
            )
            for one in found
        ],
    )


@click.command()
@click.argument("key")
def unset(key: str) -> None:
    """Go back to the default of KEY."""
    from charly_vm.host.settings import remove_setting

    if not remove_setting(key):
        click.echo(f"{key} was not set", err=True)
