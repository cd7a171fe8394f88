"""`charly list`: every node of the project, and whether it runs here."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import click

from charly_vm.cli.context import json_option, load, print_json, print_table

if TYPE_CHECKING:
    from charly_vm.model.nodes import Node
    from charly_vm.model.project import Project


@click.command("list")
@json_option
def list_nodes(as_json: bool) -> None:
    """List every node of the project: where it is written, and whether it runs here."""
    project = load()
    if as_json:
        print_json(
            {
                "file": str(project.file),
                "nodes": [
                    {**dataclasses.asdict(node), "runs": node.runs} for node in project.nodes
                ],
                "unfetched": [dataclasses.asdict(one) for one in project.unfetched],
            }
        )
        return
    header = ("NAME", "KIND", "RUNS", "WHERE", "WHY NOT")
    print_table(header, [_row(node, project) for node in project.nodes])
    for one in project.unfetched:
        what = f"what begins with {one.namespace} is" if one.namespace else "more nodes may be"
        click.echo(
            f"{one.file}:{one.line}: {what} behind {one.reference}, which is not fetched", err=True
        )


def _row(node: Node, project: Project) -> tuple[str, ...]:
    from charly_vm.model.gaps import find_gaps

    name = f"{node.name} (in {node.parent})" if node.parent else node.name
    kind = f"{node.kind} {node.role}".rstrip()
    deploy = project.deploys.get(node.name) if node.runs and node.role == "deploy" else None
    gaps = find_gaps(deploy.deploy) if deploy else []
    why_not = node.skipped or (gaps and f"as a bed: {', '.join(gaps)} not carried out") or ""
    return (name, kind, "yes" if node.runs else "no", f"{node.file}:{node.line}", why_not)
