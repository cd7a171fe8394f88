"""`charly doctor`: one table of what is here, what is missing and what would help."""

from __future__ import annotations

import dataclasses
import itertools

import click

from charly_vm.cli.context import json_option, print_json, print_table


@click.command()
@json_option
@click.option(
    "--fix",
    is_flag=True,
    help="Have ~/.ssh/config include the machines first, and accounts share the directory of "
    "leases where one is set; nothing else is changed.",
)
def doctor(as_json: bool, fix: bool) -> int:
    """Show what this host has and what is missing; status 1 only where no bed could run."""
    from charly_vm.machine.doctor.table import examine, is_hopeless
    from charly_vm.machine.shared_ledger import mend_shared_ledger
    from charly_vm.machine.ssh_include import include_stanzas, user_ssh_config

    if fix and include_stanzas():
        click.echo(f"{user_ssh_config()} includes the machines now", err=True)
    if fix:
        for line in mend_shared_ledger():
            click.echo(line, err=True)
    findings = examine()
    if as_json:
        print_json([dataclasses.asdict(finding) for finding in findings])
    else:
        rows = []
        for section, ones in itertools.groupby(findings, key=lambda one: one.section):
            for number, one in enumerate(ones):
                title = "" if number else section
                mark = "ok" if one.good else "--"
                rows.append((title, mark, one.name, one.found, one.enables, one.fix))
        print_table(("", "", "WHAT", "FOUND", "ENABLES", "TO GET IT"), rows)
    return 1 if is_hopeless(findings) else 0
