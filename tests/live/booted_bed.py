"""A bed of a project's file that is up for the length of a block, as testinfra sees its guest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testinfra.host import Host

from charly_vm.guest.testinfra_host import make_testinfra_host
from charly_vm.machine.bed import BedRun
from charly_vm.model.project import load_project


@contextmanager
def booted(directory: Path, text: str, bed: str) -> Iterator[Host]:
    """`text` is the project's, whose file and evidence come into the directory."""
    file = directory / "charly.yml"
    file.write_text(text)
    project = load_project(file)
    run = BedRun(project, project.deploys[bed], evidence=directory / "evidence")
    try:
        run.bring_up()
        yield make_testinfra_host(run.require_machine().guest)
    finally:
        run.tear_down()
