"""SSH keys that come by SMBIOS alone: for root, and for an account that cloud-init makes.

The image counts as somebody else's here, whose account is adopted. Its root is the XFS of a disk
that an image's debootstrap has filled, and is looked at in passing.
"""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from builder_stand_in import MARK, REFERENCE, have_builder_image
from debian_disks import XFS_BY_DEBOOTSTRAP, build, require_whole
from other_login import run_as

from charly_vm.guest.testinfra_host import make_testinfra_host
from charly_vm.host.ssh_keys import make_key_pair
from charly_vm.machine.create import create_machine
from charly_vm.machine.machine import Machine
from charly_vm.machine.ownership import own_machine, this_process
from charly_vm.machine.records import Purpose
from charly_vm.model.libvirt import LibvirtDomain
from charly_vm.model.project import Target, load_project
from charly_vm.model.resolve.keys import Channels, LoginKey, render_oem_strings

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]

PROGRAM = b"#!/bin/sh\necho this came with the seed\n"

PROJECT = """\
smbios-alone:
  vm:
    source:
      kind: cloud_image
      url: file://{image}
      checksum: {{type: sha256, value: {digest}}}
      base_user: debian
      distro: debian-12
    backend: qemu
    disk_size: 4G
    ram: 1G
    ssh:
      port_auto: true
      key_source: {key}
      key_injection: {{smbios: enabled, cloud_init: disabled}}
    cloud_init:
      charly_install: {{strategy: scp, url: file://{program}}}
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("project")
    for name in ("users", "roots"):
        make_key_pair(directory / name, comment=name)
    (directory / "charly").write_bytes(PROGRAM)
    have_builder_image()
    image = build(XFS_BY_DEBOOTSTRAP)
    (directory / "charly.yml").write_text(
        PROJECT.format(
            image=image,
            digest=hashlib.sha256(image.read_bytes()).hexdigest(),
            key=directory / "users.pub",
            program=directory / "charly",
        )
    )
    return directory


@pytest.fixture(scope="module")
def machine(directory: Path) -> Iterator[Machine]:
    target = _with_a_key_for_root(
        load_project(directory / "charly.yml").target("smbios-alone"), directory / "roots"
    )
    with (
        tempfile.TemporaryDirectory(prefix="charly-") as data,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("XDG_DATA_HOME", data)
        with own_machine(target.domain):
            owner = this_process(Purpose.COMMAND)
            machine = create_machine(target, directory / "charly.yml", owner)
            try:
                machine.wait_until_ready(600)
                yield machine
            finally:
                machine.destroy(disk=True)


def _with_a_key_for_root(target: Target, key: Path) -> Target:
    """A machine has one account that charly logs in to; this one gets root's credential as well."""
    login = LoginKey(str(key), make_key_pair(key, comment="roots").public)
    strings = render_oem_strings("root", login, Channels(smbios=True, cloud_init=False))
    block = LibvirtDomain.model_validate({"sysinfo": {"oem_strings": list(strings)}})
    return dataclasses.replace(target, node=dataclasses.replace(target.node, libvirt=block))


def test_the_ordinary_account_is_the_images_own_and_lets_our_key_in(
    machine: Machine, directory: Path
) -> None:
    assert machine.record.machine.key == str(directory / "users")
    assert machine.guest.run("id -un; sudo -n id -un").stdout_text == "debian\nroot\n"
    seen = machine.guest.run("sudo cat /var/lib/cloud/instance/user-data.txt").stdout_text
    assert "users:\n- default\n- name: debian\n" in seen
    assert "ssh_authorized_keys" not in seen


def test_its_key_belongs_to_it_and_is_for_its_eyes(machine: Machine) -> None:
    look = machine.guest.run("stat --format '%a %U' ~/.ssh ~/.ssh/authorized_keys", check=True)
    assert look.stdout_text == "700 debian\n600 debian\n"


def test_root_lets_a_key_in_that_came_the_same_way(machine: Machine, directory: Path) -> None:
    assert run_as(machine.record.machine, "root", directory / "roots", "id -un") == "root\n"


def test_no_unit_has_failed_over_an_account_that_was_not_there_yet(machine: Machine) -> None:
    assert machine.guest.run("systemctl --failed --plain --no-legend").stdout == b""


def test_the_program_is_there_that_came_with_the_seed(machine: Machine) -> None:
    assert machine.guest.run("charly").stdout_text == "this came with the seed\n"
    assert b"cidata" not in machine.guest.run("cat /proc/mounts").stdout


def test_an_image_that_has_what_charly_needs_installs_nothing(machine: Machine) -> None:
    log = machine.guest.run("sudo cat /var/log/cloud-init-output.log").stdout_text
    assert "Reading package lists" not in log
    assert "Synchronizing state of ssh.service" not in log


def test_its_xfs_root_has_grown_and_has_all_that_debootstrap_put_there(machine: Machine) -> None:
    host = make_testinfra_host(machine.guest)
    require_whole(host, "xfs", gibibytes=4)
    assert not host.file("/test-dev-null").exists
    assert host.file(MARK).content_string == f"debootstrap {REFERENCE}\n"
    # Not only what was published, but also what was mended since.
    sources = host.file("/etc/apt/sources.list").content_string
    assert [line.split()[2] for line in sources.splitlines() if line.startswith("deb ")] == [
        "bookworm",
        "bookworm-updates",
        "bookworm-security",
    ]
    with host.sudo():
        # Contents, owners and permissions of every file but those that were configured. All of it
        # was put there by programs of XFS's that we tell file by file.
        assert host.check_output("dpkg --verify | grep --invert-match ' c /' || true") == ""
        # A file's capability is an extended attribute.
        assert "cap_net_raw=ep" in host.check_output("/usr/sbin/getcap /usr/bin/ping")
