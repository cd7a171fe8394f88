"""A machine that nothing can log in to: it can be made, and what needs a login says so."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from machine_samples import sample_record

from charly_vm.errors import SpecError, StateError
from charly_vm.machine.bed import BedRun
from charly_vm.machine.machine import Machine
from charly_vm.machine.records import machine_directories
from charly_vm.model.project import load_project

PROJECT = """\
shut:
  vm: {source: {kind: bootstrap}, ssh: {key_source: none}}
check-shut:
  vm: {from: shut, disposable: true}
"""


def test_a_bed_of_it_ends_before_anything_is_made(tmp_path: Path) -> None:
    file = tmp_path / "charly.yml"
    file.write_text(PROJECT)
    project = load_project(file)
    run = BedRun(project, project.deploys["check-shut"], evidence=tmp_path / "evidence")
    with pytest.raises(SpecError, match="check-shut cannot be checked: its key_source is none"):
        run.bring_up()
    assert list(machine_directories()) == []


def test_its_guest_cannot_be_talked_to_and_the_console_can() -> None:
    record = sample_record()
    machine = Machine(
        dataclasses.replace(record, machine=dataclasses.replace(record.machine, key=""))
    )
    with pytest.raises(StateError, match="nothing can log in to charly-sample") as caught:
        machine.guest.run("true")
    assert "charly vm console sample" in caught.value.hint
