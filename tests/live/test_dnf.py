"""A disk by dnf: from packages with Fedora's names to a guest that their own loaders have booted.

What boots it under BIOS reads the same configuration, and is the same for all disks.

The packages come from a stand-in of Fedora's repository, and what is in them is a Debian:
`fedora_stand_in` says how far that goes. All that makes the disk is the real thing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from booted_bed import booted
from fedora_stand_in import build_repository
from platformdirs import user_cache_path
from testinfra.host import Host

from charly_vm.disk.bootstrap import bootstrap_image
from charly_vm.disk.distros.choice import find_recipe
from charly_vm.disk.store import Store
from charly_vm.errors import LaunchError
from charly_vm.host.progress import SILENT
from charly_vm.model.source import Bootstrap

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]

SOURCE = Bootstrap(kind="bootstrap", builder="dnf", distro="fedora-43")
CHECKED = Bootstrap(kind="bootstrap", builder="dnf", distro="fedora-42")
"""Whose repositories have their signatures checked."""

PROJECT = """\
stand-in:
  vm:
    source: {kind: bootstrap, builder: dnf, distro: fedora-43, root_size: 4G}
    firmware: uefi-insecure
    backend: qemu
    disk_size: 5G
    ram: 1G
    ssh: {port_auto: true, user: tester}
check-dnf: {vm: {from: stand-in, disposable: true}}
"""

FILE = """\
[stand-in]
name=stand-in
baseurl={url}
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory for projects; the user has written where the packages are, and no disk of them
    has been made yet."""
    recipe = find_recipe(SOURCE, "x86_64")
    assert recipe is not None
    repository = build_repository(user_cache_path("charly-tests"), recipe.packages)
    directory = tmp_path_factory.mktemp("dnf")
    text = FILE.format(url=repository.as_uri())
    checked = "gpgcheck=1\ngpgkey=file:///dev/null\n"
    for distro, checks in ((SOURCE.distro, "gpgcheck=0\n"), (CHECKED.distro, checked)):
        file = directory / "config/charly/bootstrap" / distro / "stand-in.repo"
        file.parent.mkdir(parents=True)
        file.write_text(text + checks)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(directory / "config"))
        patch.setenv("XDG_CACHE_HOME", str(directory / "cache"))
        yield directory


def require_up(host: Host) -> None:
    """All that was to run does, and nothing has failed."""
    # cloud-init is done a moment before the last unit has started.
    assert host.check_output("timeout 60 systemctl is-system-running --wait") == "running"
    assert "status: done" in host.check_output("cloud-init status")
    for unit in ("sshd", "NetworkManager", "systemd-resolved", "qemu-guest-agent"):
        assert host.service(unit).is_running


def test_packages_of_fedoras_names_boot_by_their_own_loaders(place: Path) -> None:
    with booted(place, PROJECT, "check-dnf") as host:
        require_up(host)
        assert host.file("/sys/firmware/efi").is_directory
        # As far as it may.
        size = int(host.check_output("df --block-size=1M --output=size / | tail -n 1"))
        assert 3500 < size < 4 * 1024
        assert "growpart" not in host.file("/etc/cloud/cloud.cfg").content_string
        # The guest's own rpm, by the database that the host's has written.
        provider = host.check_output("rpm --query --whatprovides openssh-server")
        assert provider == "stand-in-1-1.x86_64"
        assert host.file("/usr/lib/sysimage/rpm/rpmdb.sqlite").exists
        with host.sudo():
            # Contents, owners, modes and capabilities of all files. The first boot is for /etc and
            # /var, and kernel-install has depmod write its own again.
            changed = "rpm --verify --nomtime --all | grep --invert-match --extended-regexp"
            assert host.check_output(f"{changed} ' /(etc|var)/' || true") == ""
            assert "cap_net_raw=ep" in host.check_output("/usr/sbin/getcap /usr/bin/ping")
        assert host.file("/usr/bin/sudo").mode == 0o4755
        helper = host.file("/usr/lib/dbus-1.0/dbus-daemon-launch-helper")
        assert (helper.group, helper.mode) == ("messagebus", 0o4754)
        require_kernels_can_change(host)


def require_kernels_can_change(host: Host) -> None:
    """What GRUB boots is the newest kernel, also after one has come and gone."""
    running = host.check_output("uname -r")
    assert host.file("/boot/vmlinuz").linked_to == f"/usr/lib/modules/{running}/vmlinuz"
    assert host.file("/boot/initramfs.img").linked_to == f"/boot/initramfs-{running}.img"
    newer = "999.0-1"
    with host.sudo():
        host.check_output(f"cp -al /usr/lib/modules/{running} /usr/lib/modules/{newer}")
        # The initramfs is dracut's work; here the links matter, and it takes a minute.
        host.check_output(f"touch /boot/initramfs-{newer}.img")
        image = f"/lib/modules/{newer}/vmlinuz"
        plugin = "/etc/kernel/install.d/95-charly.install"
        host.check_output(f"{plugin} add {newer} /nowhere {image}")
        assert host.file("/boot/vmlinuz").linked_to == f"/usr{image}"
        assert host.file("/boot/initramfs.img").linked_to == f"/boot/initramfs-{newer}.img"
        host.check_output(f"kernel-install remove {newer}")
        assert not host.file(f"/boot/initramfs-{newer}.img").exists
    assert host.file("/boot/vmlinuz").linked_to == f"/usr/lib/modules/{running}/vmlinuz"
    assert host.file("/boot/initramfs.img").linked_to == f"/boot/initramfs-{running}.img"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            SOURCE.model_copy(update={"package": ("frobnicate",)}),
            "No match for argument: frobnicat",
        ),
        # In the words of dnf and of a later rpm.
        (CHECKED, "kernel-core.* is not signed|GPG check FAILED"),
    ],
    ids=["missing", "unsigned"],
)
def test_what_cannot_be_installed_is_an_error_in_dnfs_own_words(
    place: Path, tmp_path: Path, source: Bootstrap, said: str
) -> None:
    store = Store(tmp_path)
    with pytest.raises(LaunchError, match=r"packages of Fedora 4. failed") as raised:
        bootstrap_image(source, architecture="x86_64", store=store, progress=SILENT)
    assert re.search(said, raised.value.log)
    assert list((tmp_path / "building").iterdir()) == []
