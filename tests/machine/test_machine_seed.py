"""The seed of a machine: what goes into it, and what is said before it is written."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from machine_samples import sample_record

from charly_vm.disk.seed_schema import VARIABLE, find_schemas
from charly_vm.errors import HostError, SpecError
from charly_vm.host.progress import Silent
from charly_vm.host.ssh_keys import make_key_pair
from charly_vm.machine.seed import preview_documents, write_identity
from charly_vm.model.entity import EntityNode, VmEntity
from charly_vm.model.libvirt import LibvirtDomain
from charly_vm.model.project import Target
from charly_vm.model.resolved import ResolvedMachine

BOOTSTRAP = {"kind": "bootstrap", "package": ["nano"]}
CLOUD = {"kind": "cloud_image", "url": "http://127.0.0.1/debian-12.qcow2", "base_user": "debian"}


class Notes(Silent):
    def __init__(self) -> None:
        self.seen: list[str] = []

    def note(self, text: str) -> None:
        self.seen.append(text)


def target(source: dict[str, Any] = BOOTSTRAP, **entity: Any) -> Target:
    shape = VmEntity.model_validate({"source": source, **entity})
    return Target("sample", "", EntityNode("shape", shape, LibvirtDomain(), "charly.yml", 7), None)


@pytest.fixture
def machine() -> ResolvedMachine:
    """One whose directory and key are there."""
    resolved = sample_record().machine
    resolved.paths.directory.mkdir(parents=True)
    make_key_pair(resolved.paths.user_key, comment="sample")
    return dataclasses.replace(resolved, key=str(resolved.paths.user_key))


def user_data(machine: ResolvedMachine, wanted: Target) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(preview_documents(machine, wanted)["user-data"])
    return loaded


def test_the_seed_and_known_hosts_carry_the_machines_keys(machine: ResolvedMachine) -> None:
    write_identity(machine, target())
    seed = machine.paths.seed.read_bytes()
    public = Path(f"{machine.key}.pub").read_bytes().strip()
    host_key = Path(f"{machine.paths.host_key}.pub").read_text().split()[1]
    assert public in seed
    assert host_key.encode() in seed
    assert machine.paths.known_hosts.read_text() == f"charly-sample ssh-ed25519 {host_key}\n"


def test_a_second_seed_of_the_same_wishes_is_the_same_instance(machine: ResolvedMachine) -> None:
    seeds = []
    for _ in range(2):
        write_identity(machine, target())
        seeds.append(machine.paths.seed.read_bytes().partition(b"instance-id: ")[2][:60])
    assert seeds[0] == seeds[1]


def test_an_edit_of_the_wishes_is_in_the_next_seed(machine: ResolvedMachine) -> None:
    write_identity(machine, target())
    before = machine.paths.seed.read_bytes()
    write_identity(machine, target(cloud_init={"timezone": "Europe/Vienna"}))
    assert b"Europe/Vienna" not in before
    assert b"Europe/Vienna" in machine.paths.seed.read_bytes()


@pytest.mark.parametrize(
    ("injection", "by_cloud_init", "by_command"),
    [
        ({}, True, False),
        ({"smbios": "disabled"}, True, False),
        ({"cloud_init": "disabled"}, False, True),
        ({"cloud_init": "disabled", "smbios": "disabled"}, False, False),
    ],
)
def test_cloud_init_carries_the_key_or_helps_systemd_or_neither(
    machine: ResolvedMachine, injection: dict[str, str], by_cloud_init: bool, by_command: bool
) -> None:
    data = user_data(machine, target(ssh={"key_injection": injection}))
    assert ("ssh_authorized_keys" in data["users"][0]) is by_cloud_init
    assert any("systemd-tmpfiles" in command for command in data["runcmd"]) is by_command


def test_without_a_key_nothing_is_put_anywhere(machine: ResolvedMachine) -> None:
    wanted = target(ssh={"key_source": "none"})
    data = user_data(dataclasses.replace(machine, key=""), wanted)
    assert "ssh_authorized_keys" not in data["users"][0]
    assert "systemd-tmpfiles" not in str(data["runcmd"])


def test_packages_that_the_image_was_built_with_are_left_out(machine: ResolvedMachine) -> None:
    wanted = target(cloud_init={"package": ["curl", "nano", "ripgrep"]})
    assert user_data(machine, wanted)["packages"] == ["ripgrep"]


def test_an_image_of_somebody_elses_is_looked_at_in_the_guest(machine: ResolvedMachine) -> None:
    data = user_data(machine, target(CLOUD))
    assert "packages" not in data
    assert "apt-get install" in data["runcmd"][0]
    assert user_data(machine, target(CLOUD, cloud_init={"package": ["nano"]}))["packages"] == [
        "nano",
        "openssh-server",
        "curl",
        "tar",
    ]


def test_a_program_that_is_copied_lies_on_the_seed(
    machine: ResolvedMachine, tmp_path: Path
) -> None:
    program = tmp_path / "charly"
    program.write_bytes(b"\x7fELF program")
    digest = hashlib.sha256(b"\x7fELF program").hexdigest()
    install = {"url": f"file://{program}", "checksum": digest}
    write_identity(machine, target(cloud_init={"charly_install": install}))
    seed = machine.paths.seed.read_bytes()
    assert b"\x7fELF program" in seed
    assert digest.encode() in seed


@pytest.mark.parametrize("trouble", ["not there", "another checksum"])
def test_a_program_that_cannot_be_copied_is_named(
    machine: ResolvedMachine, tmp_path: Path, trouble: str
) -> None:
    program = tmp_path / "charly"
    if trouble == "another checksum":
        program.write_bytes(b"changed")
    install = {"strategy": "scp", "url": f"file://{program}", "checksum": "ab" * 64}
    with pytest.raises(HostError, match=str(program)):
        write_identity(machine, target(cloud_init={"charly_install": install}))
    assert not machine.paths.seed.exists()


def test_a_copy_of_nothing_is_noted(machine: ResolvedMachine) -> None:
    notes = Notes()
    wanted = target(cloud_init={"charly_install": {"strategy": "scp"}})
    write_identity(machine, wanted, notes)
    assert ["names no file to copy" in note for note in notes.seen] == [True]


@pytest.fixture
def _schemas() -> None:
    if find_schemas() is None:
        pytest.skip("no schema of cloud-init's is here: run setup/fetch-cloud-init-schema")


@pytest.mark.usefixtures("_schemas")
def test_what_cloud_inits_schema_refuses_is_refused_before_the_seed_is_written(
    machine: ResolvedMachine,
) -> None:
    extra = "write_files: [{path: /a, permission: '0644'}]\nruncmd: [[5]]\n"
    with pytest.raises(SpecError) as caught:
        write_identity(machine, target(cloud_init={"extra": extra}))
    problems = [(one.file, one.line, one.text) for one in caught.value.problems]
    assert [where[:2] for where in problems] == [("charly.yml", 7)] * 2
    assert "cloud_init of shape: user-data: runcmd.1.0: 5 is not of type 'string'" in problems[0][2]
    assert "write_files.0: Additional properties" in problems[1][2]
    assert VARIABLE in caught.value.hint
    assert not machine.paths.seed.exists()


@pytest.mark.usefixtures("_schemas")
def test_somebody_who_knows_better_can_do_without_the_schema(
    machine: ResolvedMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "none")
    write_identity(machine, target(cloud_init={"extra": {"runcmd": [[5]]}}))
    assert machine.paths.seed.exists()
