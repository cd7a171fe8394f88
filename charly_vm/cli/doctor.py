"""`charly doctor`: one table of what is here, what is missing and what would help."""

from __future__ import annotations

import dataclasses

import click

from charly_vm.cli.context import json_option, print_json, print_table


@click.command()
@json_option
def doctor(as_json: bool) -> int:
    """Show what this host has and what is missing; status 1 only where no bed could run."""
    from charly_vm.machine.doctor import examine

    findings = examine()
    if as_json:
        print_json([dataclasses.asdict(finding) for finding in findings])
    else:
        rows = [
            ("ok" if one.good else "--", one.name, one.found, one.enables, one.fix)
            for one in findings
        ]
        print_table(("", "WHAT", "FOUND", "ENABLES", "TO GET IT"), rows)
    hopeless = any(one.needed and not one.good for one in findings) or not any(
        one.good for one in findings if one.name.startswith("accelerator")
    )
    return 1 if hopeless else 0
