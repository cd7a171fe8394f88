"""Each key of `cloud_init:` and its effect on a real Debian, whose SSH key comes by cloud-init
alone; then the same disk again with other wishes."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from other_login import run_as
from package_mirror import APT_CONF, INSTALLED_FILE, PACKAGE, PackageMirror, serve_package
from testinfra.host import Host

from charly_vm.guest.testinfra_host import make_testinfra_host
from charly_vm.host.ssh_keys import make_key_pair
from charly_vm.machine.create import create_machine
from charly_vm.machine.machine import Machine
from charly_vm.machine.ownership import own_machine, this_process
from charly_vm.machine.records import Purpose
from charly_vm.model.project import load_project
from charly_vm.model.resolve import Overrides

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]

DOMAIN = "charly-every-key"
PROGRAM = b"#!/bin/sh\necho this is charly\n"
MAC = "52:54:00:c1:0d:17"

PROJECT = """\
every-key:
  vm:
    source: {{kind: bootstrap, distro: debian-12}}
    backend: qemu
    ram: 1G
    network: {{mac: "{mac}"}}
    ssh:
      user: tester
      port_auto: true
      key_source: generate
      key_injection: {{smbios: disabled}}
    cloud_init:
      hostname: guest-of-honour.example.org
      timezone: Europe/Vienna
      locale: POSIX
      users:
        - name: tester
          groups: crew
        - name: worker
          groups: [crew, users]
          shell: /bin/sh
          sudo: ["ALL=(root) NOPASSWD: /usr/bin/id", "ALL=(tester) NOPASSWD: /usr/bin/whoami"]
          lock_passwd: true
          ssh_authorized_keys: ["{key}"]
        - name: root
          ssh_authorized_keys: ["{key}"]
      package: [curl, {package}]
      mirrors: {{apt: ["{mirror}"]}}
      bootcmd:
        - touch /run/booted-by-the-shell
        - [touch, /run/booted by words]
      runcmd:
        - echo "$(id -un) came after $(cat {installed})" >/srv/ran-by-the-shell
        - [touch, /srv/ran by words]
      write_files:
        - {{path: /etc/apt/apt.conf.d/00unsigned, content: {apt_conf}}}
        - {{path: /srv/plain, content: "on: 12:30\\n", perms: 0640}}
        - {{path: /srv/encoded, encoding: b64, content: {encoded}}}
        - {{path: /srv/zipped, encoding: gz+b64, content: {zipped}}}
        - {{path: /srv/owned, content: mine, owner: "worker:crew", perms: "0600"}}
      network:
        version: 2
        ethernets:
          lan:
            match: {{macaddress: "{mac}"}}
            set-name: lan0
            addresses: [10.0.2.15/24]
            routes: [{{to: 0.0.0.0/0, via: 10.0.2.2}}]
            nameservers: {{addresses: [10.0.2.3], search: [example.org]}}
      charly_install:
        url: {host}/debian/charly
        checksum: {checksum}
      extra: |
        # As cloud-init's own documentation has it.
        disable_root: no
        groups: [crew]
        users: [{{name: worker, gecos: A worker}}]
        runcmd: [touch /srv/ran-by-extra]
"""
AGAIN = """\
every-key:
  vm:
    source: {kind: bootstrap, distro: debian-12}
    backend: qemu
    ram: 1G
    ssh: {user: tester, port_auto: true}
    cloud_init:
      hostname: renamed
      runcmd: [touch /srv/ran-in-the-second-life]
"""


class Subject:
    """The machine under test, and a key of somebody else's."""

    def __init__(self, directory: Path, mirror: PackageMirror) -> None:
        self.directory = directory
        self.mirror = mirror
        self.key = directory / "others_key"
        self.machine: Machine | None = None

    def create(self, project: str, overrides: Overrides | None = None) -> Machine:
        file = self.directory / "charly.yml"
        file.write_text(project)
        target = load_project(file).target("every-key")
        owner = this_process(Purpose.COMMAND)
        self.machine = create_machine(target, file, owner, overrides=overrides)
        self.machine.wait_until_ready(600)
        return self.machine


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    directory = tmp_path_factory.mktemp("project")
    others = {"charly": PROGRAM}
    with (
        # Its disk is kept between two lives, which a run that was interrupted must not leave.
        tempfile.TemporaryDirectory(prefix="charly-") as data,
        pytest.MonkeyPatch.context() as patch,
        serve_package(tmp_path_factory.mktemp("mirror"), others) as mirror,
    ):
        patch.setenv("XDG_DATA_HOME", data)
        subject = Subject(directory, mirror)
        with own_machine(DOMAIN):
            try:
                subject.create(_project(subject))
                yield subject
            finally:
                if subject.machine is not None:
                    subject.machine.destroy(disk=True)


def _project(subject: Subject) -> str:
    return PROJECT.format(
        mac=MAC,
        key=make_key_pair(subject.key, comment="somebody else's").public,
        package=PACKAGE,
        installed=INSTALLED_FILE,
        mirror=subject.mirror.url,
        host=subject.mirror.host,
        apt_conf=json.dumps(APT_CONF),
        encoded=base64.b64encode(b"\0\xff").decode(),
        zipped=base64.b64encode(gzip.compress(b"zipped\n")).decode(),
        checksum=hashlib.sha256(PROGRAM).hexdigest(),
    )


@pytest.fixture
def host(subject: Subject) -> Host:
    assert subject.machine is not None
    return make_testinfra_host(subject.machine.guest)


def test_the_guests_own_cloud_init_finds_nothing_wrong_with_the_seed(host: Host) -> None:
    with host.sudo():
        checked = host.run("cloud-init schema --system")
    assert checked.rc == 0, checked.stderr
    assert "deprecat" not in (checked.stdout + checked.stderr).lower()


def test_the_guest_has_its_name_its_time_and_its_language(host: Host) -> None:
    assert host.check_output("hostname") == "guest-of-honour"
    assert host.check_output("hostname --fqdn") == "guest-of-honour.example.org"
    assert host.file("/etc/timezone").content_string == "Europe/Vienna\n"
    assert host.check_output("readlink -f /etc/localtime").endswith("/Europe/Vienna")
    assert "LANG=POSIX" in host.file("/etc/default/locale").content_string


def test_accounts_are_as_they_are_listed_and_ours_has_more(host: Host) -> None:
    worker = host.user("worker")
    assert (worker.shell, worker.gecos) == ("/bin/sh", "A worker")
    assert {"worker", "crew", "users"} <= set(worker.groups)
    assert {"tester", "crew", "sudo"} <= set(host.user("tester").groups)
    with host.sudo():
        assert host.user("worker").password.startswith("!")
        assert host.check_output("sudo -n -u worker sudo -n /usr/bin/id -u") == "0"
        assert host.check_output("sudo -n -u worker sudo -n -u tester whoami") == "tester"
        assert host.run("sudo -n -u worker sudo -n /usr/bin/true").rc != 0


def test_packages_come_from_the_mirror_and_only_those_that_are_missing(
    host: Host, subject: Subject
) -> None:
    assert host.package(PACKAGE).is_installed
    with host.sudo():
        sources = host.file("/etc/apt/sources.list").content_string
        assert f"deb {subject.mirror.url} bookworm main" in sources
        assert f"deb {subject.mirror.url}-security bookworm-security main" in sources
        asked = host.check_output("grep -h '^Commandline' /var/log/apt/history.log")
    assert PACKAGE in asked
    assert "curl" not in asked
    assert any(path.startswith("/debian-security/dists/") for path in subject.mirror.asked)


def test_commands_run_early_and_late_by_the_shell_and_without(host: Host) -> None:
    assert host.file("/run/booted-by-the-shell").exists
    assert host.file("/run/booted by words").exists
    assert host.file("/srv/ran-by-the-shell").content_string == "root came after hello\n"
    assert host.file("/srv/ran by words").exists
    assert host.file("/srv/ran-by-extra").exists
    assert host.service("ssh").is_enabled


def test_files_have_their_content_mode_and_owner(host: Host) -> None:
    wanted = {
        "plain": (b"on: 12:30\n", "640 root:root"),
        "encoded": (b"\0\xff", "644 root:root"),
        "zipped": (b"zipped\n", "644 root:root"),
        "owned": (b"mine", "600 worker:crew"),
    }
    look = "cd /srv; for f in *; do echo $f $(stat --format '%a %U:%G' $f) $(base64 -w0 $f); done"
    with host.sudo():
        seen = host.check_output(f"sh -c {shlex.quote(look)}").splitlines()
    for name, (content, status) in wanted.items():
        assert f"{name} {status} {base64.b64encode(content).decode()}" in seen


def test_the_network_is_as_it_is_written(host: Host) -> None:
    address = host.check_output("ip -4 -oneline address show lan0")
    assert "inet 10.0.2.15/24" in address
    assert "dynamic" not in address
    assert host.check_output("ip route show default").startswith("default via 10.0.2.2 dev lan0")
    resolved = host.check_output("resolvectl status lan0")
    assert "10.0.2.3" in resolved
    assert "example.org" in resolved


def test_charly_is_installed_from_its_url(host: Host) -> None:
    assert host.check_output("charly") == "this is charly"


def test_keys_come_by_cloud_init_alone_for_an_ordinary_user_and_for_root(
    host: Host, subject: Subject
) -> None:
    assert subject.machine is not None
    machine = subject.machine.record.machine
    assert machine.oem_strings == ()
    assert host.run("ls /run/credentials/@system").stdout == ""
    for user in ("worker", "root"):
        assert run_as(machine, user, subject.key, "id -un") == f"{user}\n"


def test_create_on_a_kept_disk_makes_a_new_seed_and_leaves_the_disk_alone(
    subject: Subject,
) -> None:
    first = subject.machine
    assert first is not None
    first.guest.run("sudo touch /srv/from-the-first-life && sync", check=True)
    first.destroy(disk=False)
    overlay = first.record.machine.paths.overlay.stat().st_ino
    wanted = Overrides(key_source=f"{subject.key}.pub")
    second = subject.create(AGAIN, wanted)
    assert second.record.machine.paths.overlay.stat().st_ino == overlay
    assert second.record.machine.key == str(subject.key)
    host = make_testinfra_host(second.guest)
    assert host.check_output("hostname") == "renamed"
    for name in ("from-the-first-life", "ran-in-the-second-life"):
        assert host.file(f"/srv/{name}").exists, name
