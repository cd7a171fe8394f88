"""`charly check run | live | list`: verdicts."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from charly_vm.cli.context import (
    instance_option,
    json_option,
    load,
    name_argument,
    print_json,
    print_table,
    project_file,
)

if TYPE_CHECKING:
    import pytest

    from charly_vm.check.guest_view import GuestView
    from charly_vm.model.step import Step

CHECKS_FAILED = 2
"""Exit status: it ran, and checks failed. 1 is that it could not be tried."""


class _Verdict:
    """A pytest plugin that tells failed checks from beds that did not come up."""

    def __init__(self) -> None:
        self.failed = 0
        self.errors = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        faults = [fault for name, fault in report.user_properties if name == "charly_fault"]
        if report.failed and report.when == "call" and faults != ["charly"]:
            self.failed += 1
        elif report.failed:
            self.errors += 1

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.errors += 1


@click.command(context_settings={"ignore_unknown_options": True})
@name_argument
@click.argument("pytest_options", nargs=-1, type=click.UNPROCESSED)
def run(name: str, pytest_options: tuple[str, ...]) -> int:
    """Run the whole bed NAME; what follows is handed to pytest."""
    import pytest

    from charly_vm.check.new_bed import bed_name
    from charly_vm.errors import SpecError
    from charly_vm.machine.bed import require_disposable

    project = load()
    beds = [node.name for node in project.beds]
    try:
        target = project.target(name)
    except SpecError:
        # What `charly check new NAME` has made.
        if bed_name(name) not in beds:
            raise
        said = f"there is no bed {name}; did you mean {bed_name(name)}?"
        raise click.ClickException(said) from None
    if target.deploy is None:
        names = ", ".join(beds)
        raise click.ClickException(
            f"{name} is an entity, not a bed; the beds are {names or 'none'}"
        )
    require_disposable(target.deploy)
    verdict = _Verdict()
    options = [f"--charly-bed={target.name}", f"--charly-project={project.file}", *pytest_options]
    if all(word.startswith("-") for word in pytest_options):
        # Where nothing else is named pytest looks for its settings here, not where we stand.
        options.append(str(project.file.parent))
    status = pytest.main(options, plugins=[verdict])
    if verdict.errors or status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        return 1
    return CHECKS_FAILED if verdict.failed else 0


@click.command()
@name_argument
@instance_option
@click.option(
    "--filter",
    "verbs",
    multiple=True,
    metavar="VERB",
    help="Only the steps with this verb; may be given several times.",
)
def live(name: str, instance: str, verbs: tuple[str, ...]) -> int:
    """Run the steps of NAME against what is running; nothing is built, rebuilt or removed."""
    from charly_vm.check.selection import select_steps
    from charly_vm.machine.machine import require_machine
    from charly_vm.machine.surroundings import view_guest

    project = load()
    target = project.target(name, instance)
    machine = require_machine(target.domain)
    steps = target.deploy.steps if target.deploy else ()
    if not steps:
        raise click.ClickException(f"{target.name} has no steps to check")
    chosen = select_steps(steps, verbs)
    if not chosen:
        raise click.ClickException(f"{target.name} has no step with the verb {' or '.join(verbs)}")
    counts = dict.fromkeys(("passed", "failed", "skipped", "not run"), 0)
    view = view_guest(machine, project, held=False)
    try:
        for step in chosen:
            outcome, said = _carry_out(step, view)
            counts[outcome] += 1
            click.echo(said)
    finally:
        machine.close()
    told = [what for what in counts if counts[what] or what in ("passed", "failed")]
    click.echo(", ".join(f"{counts[what]} {what}" for what in told))
    if counts["failed"]:
        return CHECKS_FAILED
    return 1 if counts["not run"] else 0


def _carry_out(step: Step, view: GuestView) -> tuple[str, str]:
    """What became of a step, and what to print."""
    from charly_vm.check.result import StepNotRun
    from charly_vm.check.steps import run_step
    from charly_vm.errors import CharlyError

    said = f"{step.id}: {step.prose}"
    if step.skipped:
        return "skipped", f"skip  {said} ({step.skipped})"
    try:
        result = run_step(step, view)
    except (StepNotRun, CharlyError) as error:
        return "not run", f"ERROR {said}\n{error}"
    if result.skipped:
        return "skipped", f"skip  {said} ({result.skipped})"
    if result.passed:
        return "passed", f"pass  {said}"
    return "failed", f"FAIL  {said}\n{result.explain()}"


@click.command("list")
@json_option
def list_beds(as_json: bool) -> None:
    """List the beds of the project, with the file and line of each."""
    beds = load().beds
    if as_json:
        print_json(
            [
                {
                    "name": node.name,
                    "entity": node.deploy.entity,
                    "file": node.file,
                    "line": node.line,
                    "steps": [step.id for step in node.steps],
                }
                for node in beds
            ]
        )
        return
    rows = [
        (node.name, node.deploy.entity, str(len(node.steps)), f"{node.file}:{node.line}")
        for node in beds
    ]
    print_table(("BED", "VM", "STEPS", "WHERE"), rows)
    if not rows:
        click.echo(f"{project_file()} declares no bed", file=sys.stderr)
