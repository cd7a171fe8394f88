"""`instance.yml`: what this host adds to a machine, and forbids whatever the project says."""

from __future__ import annotations

from pathlib import Path

import pytest

from charly_vm.errors import SpecError
from charly_vm.machine.bed import BedRun
from charly_vm.machine.preview import preview
from charly_vm.machine.records import paths_of
from charly_vm.machine.veto import may_be_thrown_away, require_no_veto
from charly_vm.model.project import Project, load_project

PROJECT = """\
debian-vm:
  vm: {source: {kind: bootstrap}, ram: 256M, backend: qemu, ssh: {port_auto: true}}
check-debian-vm:
  vm: {from: debian-vm, disposable: true}
"""
DOMAIN = "charly-check-debian-vm"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    file = tmp_path / "charly.yml"
    file.write_text(PROJECT)
    return load_project(file)


def write_instance(text: str) -> None:
    paths_of(DOMAIN).directory.mkdir(parents=True)
    paths_of(DOMAIN).instance.write_text(text)


def test_without_a_word_of_this_host_the_project_counts(project: Project) -> None:
    assert may_be_thrown_away(project.target("check-debian-vm"))
    assert not may_be_thrown_away(project.target("debian-vm"))
    require_no_veto(DOMAIN)


def test_a_veto_forbids_what_the_project_allows(project: Project, tmp_path: Path) -> None:
    write_instance("disposable: false\n")
    assert not may_be_thrown_away(project.target("check-debian-vm"))
    run = BedRun(project, project.deploys["check-debian-vm"], evidence=tmp_path / "evidence")
    with pytest.raises(SpecError, match=r"instance.yml: disposable: false.*\n.*overrules it"):
        run.bring_up()
    assert paths_of(DOMAIN).instance.exists()


def test_a_word_of_this_host_allows_nothing_by_itself(project: Project) -> None:
    write_instance("disposable: true\n")
    assert may_be_thrown_away(project.target("check-debian-vm"))
    paths_of("charly-debian-vm").directory.mkdir()
    paths_of("charly-debian-vm").instance.write_text("disposable: true\n")
    assert not may_be_thrown_away(project.target("debian-vm"))


def test_directories_of_this_host_are_added_to_the_machine(project: Project) -> None:
    write_instance(
        "libvirt: {devices: {filesystems: [{driver: 9p, accessmode: mapped, source: /srv, "
        "target: data}]}}\n"
    )
    machine, command, _ = preview(project.target("check-debian-vm"))
    [shared] = machine.libvirt.devices.filesystems
    assert shared.source.dir == "/srv"
    assert "/srv" in command
