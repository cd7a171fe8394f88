"""From a file to entities, deploys and steps, or to every problem in it at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from charly_vm.errors import SpecError
from charly_vm.model.matchers import Condition
from charly_vm.model.project import Project, find_project_file, load_project
from charly_vm.model.source import Bootstrap, CloudImage
from charly_vm.model.verbs import CommandVerb, PortVerb

ENTITY = "e: {vm: {source: {kind: bootstrap}}}\n"

GOOD = """\
version: 2026.174.1100
debian-vm:
  vm:
    source: {kind: bootstrap, distro: debian-12}
    disk_size: 8G
    ram: 1G
    ssh: {port_auto: true}
arch:
  vm:
    source:
      kind: cloud_image
      url: https://127.0.0.1/arch.qcow2
      checksum: {type: sha256}
      base_user: arch
check-debian-vm:
  vm: {from: debian-vm, disposable: true}
  sshd-listens: {check: sshd listens, port: 22}
  nothing-failed:
    check: no unit has failed
    command: {command: systemctl --failed, stdout: [a, b], exit_status: {le: 3}}
    timeout: 2m
prod:
  vm: arch
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return load(tmp_path, GOOD)


def load(directory: Path, text: str) -> Project:
    file = directory / "charly.yml"
    file.write_text(text)
    return load_project(file, host=directory / "no-host-file.yml")


def problems(directory: Path, text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        load(directory, text)
    prefix = f"{directory / 'charly.yml'}:"
    return [str(problem).removeprefix(prefix) for problem in caught.value.problems]


def test_a_source_makes_an_entity_and_from_makes_a_deploy(project: Project) -> None:
    assert list(project.entities) == ["debian-vm", "arch"]
    assert list(project.deploys) == ["check-debian-vm", "prod"]
    assert isinstance(project.entities["debian-vm"].vm.source, Bootstrap)
    assert isinstance(project.entities["arch"].vm.source, CloudImage)
    assert project.entities["arch"].vm.ram == 4 * 2**30


def test_only_disposable_deploys_are_beds(project: Project) -> None:
    assert [node.name for node in project.beds] == ["check-debian-vm"]


def test_a_bare_string_is_the_name_of_the_entity(project: Project) -> None:
    assert project.deploys["prod"].deploy.entity == "arch"


def test_both_spellings_of_a_step_mean_the_same(project: Project) -> None:
    port, command = project.deploys["check-debian-vm"].steps
    assert port.verb == PortVerb(port=22)
    assert (port.id, port.prose, port.line) == ("sshd-listens", "sshd listens", 17)
    assert isinstance(command.verb, CommandVerb)
    assert command.verb.stdout == (Condition("contains", "a"), Condition("contains", "b"))
    assert command.verb.exit_status == (Condition("le", 3),)
    assert command.timeout == 120


@pytest.mark.parametrize(
    "typed", ["check-debian-vm", "vm:check-debian-vm", "charly-check-debian-vm"]
)
def test_a_machine_may_be_named_as_people_know_it(project: Project, typed: str) -> None:
    target = project.target(typed)
    assert target.domain == "charly-check-debian-vm"
    assert target.entity_name == "debian-vm"
    assert target.disposable


def test_an_entity_alone_and_an_instance_have_domains_of_their_own(project: Project) -> None:
    assert project.target("arch").domain == "charly-arch"
    assert project.target("arch", "dev").domain == "charly-arch-dev"
    assert not project.target("arch").disposable


def test_an_unknown_name_suggests_the_nearest(project: Project) -> None:
    with pytest.raises(SpecError, match="did you mean check-debian-vm"):
        project.target("check-debain-vm")


def test_an_instance_is_a_name_and_no_path(project: Project) -> None:
    with pytest.raises(SpecError, match="cannot be the name of a machine"):
        project.target("arch", "../x")


def test_every_problem_of_a_file_is_reported_with_its_place(tmp_path: Path) -> None:
    assert problems(
        tmp_path,
        """\
a:
  vm:
    source: {kind: cloud_imag, url: x}
    rom: 4G
    cpu: on
b:
  vm: {from: c, disposabl: true}
  s: {check: hi, port: 99999, lstening: true}
  t: {check: hi, prt: 3}
c:
  vm:
    source: {kind: cloud_image, url: ftp://x, foo: 1}
    ssh: {port: 22, port_auto: true}
    ram: 1
""",
    ) == [
        "3:5: source: kind 'cloud_imag' is not known; did you mean 'cloud_image'?",
        "4:5: unknown key 'rom'; did you mean 'ram'?",
        "5:5: cpu: has to be a whole number, not 'on'",
        "7:17: unknown key 'disposabl'; did you mean 'disposable'?",
        "8:18: port: has to be at most 65535, not 99999",
        "8:31: unknown key 'lstening'; did you mean 'listening'?",
        "9:18: unknown key 'prt'; did you mean 'port'?",
        "12:33: url: 'ftp://x' is not a URL with http://, https:// or file://",
        "12:47: unknown key 'foo'; known are base_user, cache, checksum, distro, kind, url",
        "13:5: ssh: port and port_auto exclude each other",
        "14:5: ram: 1 is not a size; write one as 512M, 8G or 1T",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- a\n", "1:1: a project is a mapping of names to nodes"),
        ("a: 3\n", "1:1: a: a node is a mapping with one kind, such as vm, not 3"),
        ("a: {vm: {ram: 1G}}\n", "1:5: vm: needs source (an entity) or from (a deploy)"),
        ("a: {vm: b}\n", "1:5: there is no VM entity 'b'"),
        ("'../a': {vm: b}\n", "1:1: '../a' cannot name a machine: use letters, digits and . _ - "),
        (
            "a: {vm: {source: {kind: bootstrap, builder: debootstra}}}\n",
            "1:36: builder: has to be 'mmdebstrap', 'debootstrap', 'pacstrap' or 'dnf', not ",
        ),
        (
            ENTITY + "a: {vm: e, s: {check: x, port: 1, command: y}}\n",
            "2:35: a step has exactly one verb; here is port and command",
        ),
        (
            ENTITY + "a: {vm: e, s: {check: x, command: y, stdout: {is: 1}}}\n",
            "2:47: 'is' is no matcher; known are equals",
        ),
    ],
)
def test_a_wrong_node_says_what_is_wrong(tmp_path: Path, text: str, problem: str) -> None:
    assert problems(tmp_path, text)[0].startswith(problem)


def test_a_file_that_cannot_be_read_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read: No such file"):
        load_project(tmp_path / "charly.yml")
    (tmp_path / "charly.yml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecError, match="is not UTF-8"):
        load_project(tmp_path / "charly.yml")


def test_the_project_is_found_upwards_and_in_beds(tmp_path: Path) -> None:
    (tmp_path / "beds").mkdir()
    (tmp_path / "deep" / "er").mkdir(parents=True)
    assert find_project_file(tmp_path / "deep" / "er") is None
    (tmp_path / "beds" / "charly.yml").touch()
    assert find_project_file(tmp_path / "deep" / "er") == tmp_path / "beds" / "charly.yml"
    (tmp_path / "charly.yml").touch()
    assert find_project_file(tmp_path / "deep" / "er") == tmp_path / "charly.yml"


def test_the_beds_that_ship_load() -> None:
    file = Path(__file__).parents[2] / "beds" / "charly.yml"
    beds = [node.name for node in load_project(file).beds]
    assert beds == ["check-debian-vm", "check-cachyos-gpu-vm"]
