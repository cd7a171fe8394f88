"""What a resolved machine says about who logs in, by which key, and what the guest is called."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from charly_vm.host.facts import Accelerator, Facts, QemuFacts
from charly_vm.model.entity import EntityNode, VmEntity
from charly_vm.model.libvirt import LibvirtDomain
from charly_vm.model.project import Target
from charly_vm.model.resolve import Overrides, Placement, resolve
from charly_vm.model.resolve.keys import LoginKey
from charly_vm.model.resolved import Paths, ResolvedMachine

FACTS = Facts(
    hostname="host",
    architecture="x86_64",
    uid=0,
    accelerators=(Accelerator("tcg", True, "emulation"),),
    qemu=QemuFacts("/usr/bin/qemu-system-x86_64", (10, 0, 2)),
    libvirt=None,
    memory=16 * 2**30,
    cpus=4,
)
KEY = LoginKey("/home/me/.ssh/id", "ssh-ed25519 AAAA me")


def resolved(
    *, key: LoginKey | None = KEY, key_source: str | None = None, **entity: Any
) -> ResolvedMachine:
    shape = VmEntity.model_validate({"source": {"kind": "bootstrap"}, "ram": "1G", **entity})
    node = EntityNode("my_vm", shape, LibvirtDomain(), "charly.yml", 1)
    placement = Placement("0" * 8, 22222, Paths(Path("/data/m"), Path("/run/m")), key=key)
    overrides = Overrides(key_source=key_source)
    return resolve(Target("my_vm", "", node, None), FACTS, placement, overrides=overrides)


def test_by_default_a_key_logs_in_and_smbios_carries_it() -> None:
    machine = resolved()
    assert (machine.user, machine.key) == ("charly", KEY.private)
    [credential] = machine.oem_strings
    assert credential.startswith("io.systemd.credential.binary:tmpfiles.extra=")


def test_root_has_another_credential() -> None:
    [credential] = resolved(ssh={"user": "root"}).oem_strings
    name, _, content = credential.removeprefix("io.systemd.credential.binary:").partition("=")
    assert name == "ssh.authorized_keys.root"
    assert base64.b64decode(content).decode() == f"{KEY.public}\n"


def test_smbios_carries_nothing_where_that_way_is_closed() -> None:
    machine = resolved(ssh={"key_injection": {"smbios": "disabled"}})
    assert (machine.key, machine.oem_strings) == (KEY.private, ())


@pytest.mark.parametrize(
    ("ssh", "key_source"),
    [
        ({"key_source": "none"}, None),
        ({}, "none"),
        ({"key_injection": {"smbios": "disabled", "cloud_init": "disabled"}}, None),
    ],
)
def test_where_nobody_puts_a_key_in_none_logs_in(ssh: dict[str, Any], key_source: str) -> None:
    machine = resolved(ssh=ssh, key_source=key_source, key=None if key_source == "none" else KEY)
    assert (machine.key, machine.oem_strings) == ("", ())


def test_a_key_that_is_named_may_be_in_the_image_already() -> None:
    closed = {"smbios": "disabled", "cloud_init": "disabled"}
    machine = resolved(ssh={"key_source": "/home/me/.ssh/id.pub", "key_injection": closed})
    assert (machine.key, machine.oem_strings) == (KEY.private, ())


def test_the_command_lines_key_source_beats_the_files() -> None:
    assert resolved(ssh={"key_source": "none"}, key_source="generate").key == KEY.private


def test_the_guest_is_called_as_the_author_says_or_as_its_machine() -> None:
    assert resolved().hostname == "charly-my-vm"
    assert resolved(cloud_init={"hostname": "a.example.org"}).hostname == "a.example.org"
