"""A disk by pacstrap boots to a verdict under UEFI, by the GRUB of its own packages. What boots it
under BIOS reads the same configuration, and is the same for all disks.

Its packages are no Arch Linux's but a stand-in's, `arch_stand_in`: a Debian with Arch's names. So
these tests say that the builder, its script, the disk and both loaders work, and not that the
packages of today's Arch do.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from arch_stand_in import write_repository
from booted_bed import booted

from charly_vm.disk.distros import pacman_repositories
from charly_vm.disk.distros.arch import find_arch
from charly_vm.disk.distros.repositories import repositories_directory
from charly_vm.disk.sandbox import remove_tree
from charly_vm.model.source import Bootstrap

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]

PROJECT = """\
arch:
  vm:
    source: {kind: bootstrap, builder: pacstrap, distro: arch}
    firmware: uefi-insecure
    backend: qemu
    disk_size: 5G
    ram: 1G
    ssh: {port_auto: true, user: tester}
check-arch: {vm: {from: arch, disposable: true}}
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The stand-in's repository is what this user has written for Arch, in a cache of its own: the
    disk of a run is no use to another one."""
    directory = tmp_path_factory.mktemp("arch")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CONFIG", "CACHE"):
            patch.setenv(f"XDG_{name}_HOME", str(directory / name.lower()))
        # On a host that is an Arch, its own configuration comes first.
        patch.setattr(pacman_repositories, "read_os_release", lambda host: {})
        (directory / "stand-in").mkdir()
        try:
            text = write_repository(directory / "stand-in")
            settings = repositories_directory("arch")
            settings.mkdir(parents=True)
            (settings / pacman_repositories.NAME).write_text(text)
            yield
        finally:
            remove_tree(directory)


@pytest.mark.usefixtures("packages")
def test_a_disk_by_pacstrap_boots_by_its_own_grub_and_is_complete(tmp_path: Path) -> None:
    source = Bootstrap(kind="bootstrap", builder="pacstrap", distro="arch")
    recipe = find_arch(source, "x86_64")
    assert recipe is not None
    with booted(tmp_path, PROJECT, "check-arch") as host:
        assert host.file("/sys/firmware/efi").is_directory
        assert host.check_output("timeout 60 systemctl is-system-running --wait") == "running"
        assert "status: done" in host.check_output("cloud-init status")
        root = host.mount_point("/")
        assert root.filesystem == "ext4"
        assert int(host.check_output("df --block-size=1M --output=size / | tail -n 1")) > 4500
        # pacman's own records of what the recipe asked for, and all of it is there.
        installed = host.check_output("pacman --query --quiet").split()
        assert set(recipe.packages) <= set(installed)
        with host.sudo():
            checked = host.check_output("pacman --query --check base grub sudo").splitlines()
            assert [line.rpartition(", ")[2] for line in checked] == ["0 missing files"] * 3
            # What the recipe's last steps are for.
            assert host.check_output("grep ^root: /etc/shadow").startswith("root:*:")
            # The listing starts an agent, which has sockets there.
            assert host.check_output("find /etc/pacman.d/gnupg -name 'S.*'") == ""
            keys = "gpg --homedir /etc/pacman.d/gnupg --batch --list-secret-keys --with-colons"
            assert host.check_output(keys).startswith("sec:")
        assert host.file("/etc/resolv.conf").linked_to == "/run/systemd/resolve/stub-resolv.conf"
        assert not host.file("/etc/cloud/cloud.cfg").contains("growpart")
        assert host.file("/etc/pacman.conf").contains("^\\[stand-in\\]$")
        assert host.check_output("find /var/cache/pacman/pkg /var/lib/pacman/sync -type f") == ""
        for name in ("sshd", "systemd-networkd", "systemd-resolved", "cloud-init"):
            assert host.service(name).is_enabled
        assert host.service("qemu-guest-agent").is_running
        assert host.file("/usr/bin/sudo").mode == 0o4755
