"""`charly schema`: what an editor needs to complete and check a charly.yml."""

from __future__ import annotations

import click

from charly_vm.cli.context import print_json


@click.command()
def schema() -> None:
    """Print the JSON Schema of charly.yml (draft 2020-12)."""
    from charly_vm.model.schema import render_schema

    print_json(render_schema())
