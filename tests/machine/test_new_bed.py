"""A bed to begin with: what is written loads, and nothing that was there is lost."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from charly_vm.check.new_bed import bed_name, entity_name, module_name
from charly_vm.errors import HostError, SpecError, StateError
from charly_vm.machine.new_bed import write_bed
from charly_vm.model.project import load_project
from charly_vm.model.source import Bootstrap, CloudImage


@pytest.mark.parametrize("typed", ["my-image", "check-my-image"])
def test_a_bed_is_called_the_same_whichever_way_it_is_named(typed: str) -> None:
    assert bed_name(typed) == "check-my-image"
    assert entity_name(typed) == "my-image-vm"
    assert module_name(typed) == "check_my_image.py"


def test_a_first_bed_makes_the_project(tmp_path: Path) -> None:
    file = tmp_path / "charly.yml"
    module = write_bed(file, "first")
    project = load_project(file)
    [bed] = project.beds
    assert bed.name == "check-first"
    assert [step.id for step in bed.steps] == ["sshd-listens", "nothing-failed"]
    assert isinstance(project.target("check-first").entity.source, Bootstrap)
    ast.parse(module.read_text())
    assert 'bed = Bed("check-first")' in module.read_text()
    assert file.stat().st_mode & 0o777 == 0o644


def test_a_further_bed_leaves_what_is_there(tmp_path: Path) -> None:
    file = tmp_path / "charly.yml"
    write_bed(file, "first")
    before = file.read_text() + "# the end\n"
    file.write_text(before)
    image = tmp_path / "it's.qcow2"
    image.write_bytes(b"an image")
    write_bed(file, "second", image=str(image), base_user="fedora")
    assert file.read_text().startswith(before)
    source = load_project(file).target("check-second").entity.source
    assert isinstance(source, CloudImage)
    assert source.url == image.as_uri()
    assert source.base_user == "fedora"
    assert source.checksum.value is not None


def test_an_image_of_the_web_has_its_checksum_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "charly.yml"
    write_bed(file, "web", image="https://images.example/a.qcow2")
    source = load_project(file).target("check-web").entity.source
    assert isinstance(source, CloudImage)
    assert (source.url, source.checksum.value) == ("https://images.example/a.qcow2", None)


def test_what_does_not_fit_leaves_everything_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "charly.yml"
    module = write_bed(file, "first")
    before = file.read_text()
    with pytest.raises(StateError, match="is there already"):
        write_bed(file, "first")
    module.unlink()
    with pytest.raises(SpecError):
        write_bed(file, "first")
    assert file.read_text() == before
    assert not module.exists()
    with pytest.raises(HostError, match="cannot read the image"):
        write_bed(file, "other", image=str(tmp_path / "none"))
    file.write_text("a: 1\n")
    with pytest.raises(SpecError):
        write_bed(file, "other")
    assert file.read_text() == "a: 1\n"


def test_a_name_that_is_none_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(SpecError):
        write_bed(tmp_path / "charly.yml", "a/b: c")
    assert list(tmp_path.iterdir()) == []
