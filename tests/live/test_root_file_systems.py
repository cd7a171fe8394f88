"""Debians whose root is not ext4: they boot by their own loader, grow, and have all that was in
the tree. Between them both builders, both releases and both kinds of firmware are met."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from testinfra.host import Host

from charly_vm.guest.testinfra_host import make_testinfra_host
from charly_vm.machine.bed import BedRun
from charly_vm.model.project import load_project

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]

PROJECT = """\
roots:
  vm:
    source: {{kind: bootstrap, {source}}}
    firmware: {firmware}
    backend: qemu
    disk_size: 5G
    ram: 1G
    ssh: {{port_auto: true, user: tester}}
check-roots: {{vm: {{from: roots, disposable: true}}}}
"""


@contextmanager
def booted(directory: Path, source: str, firmware: str) -> Iterator[Host]:
    file = directory / "charly.yml"
    file.write_text(PROJECT.format(source=source, firmware=firmware))
    project = load_project(file)
    run = BedRun(project, project.deploys["check-roots"], evidence=directory / "evidence")
    try:
        run.bring_up()
        yield make_testinfra_host(run.require_machine().guest)
    finally:
        run.tear_down()


def require_whole(host: Host, kind: str) -> None:
    """The root has grown, and its files are what their packages say."""
    root = host.mount_point("/")
    assert root.filesystem == kind
    size = int(host.check_output("df --block-size=1M --output=size / | tail -n 1"))
    assert 4500 < size < 5 * 1024
    assert host.check_output("systemctl is-system-running") == "running"
    assert host.file("/tmp").mode == 0o1777
    assert host.file("/usr/bin/sudo").mode == 0o4755
    with host.sudo():
        # Contents, owners and permissions of every file but those that were configured.
        assert host.check_output("dpkg --verify | grep --invert-match ' c /' || true") == ""


def test_an_xfs_root_by_debootstrap_boots_under_bios(tmp_path: Path) -> None:
    source = "rootfs: xfs, builder: debootstrap, distro: debian-12, package: [libcap2-bin]"
    with booted(tmp_path, source, "bios") as host:
        require_whole(host, "xfs")
        # A file's capability is an extended attribute.
        with host.sudo():
            assert "cap_net_raw=ep" in host.check_output("/usr/sbin/getcap /usr/bin/ping")
        # Not when the disk was made, but when the package was.
        age = datetime.now() - host.file("/usr/lib/os-release").mtime
        assert age > timedelta(days=1)


def test_a_btrfs_root_by_mmdebstrap_boots_under_uefi(tmp_path: Path) -> None:
    source = "rootfs: btrfs, distro: debian-13"
    with booted(tmp_path, source, "uefi-insecure") as host:
        require_whole(host, "btrfs")
        assert host.file("/sys/firmware/efi").is_directory
