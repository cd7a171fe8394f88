"""Bootstrapping: what is asked of the host before it, and once a real one."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest
from watcher import Watcher

from charly_vm.disk import bootstrap
from charly_vm.disk.bootable import ROOT_START
from charly_vm.disk.bootstrap import bootstrap_image
from charly_vm.disk.file_systems import EXT4
from charly_vm.disk.store import Store
from charly_vm.errors import HostError, LaunchError
from charly_vm.host import process
from charly_vm.host.paths import images_directory
from charly_vm.host.process import find_tool, run
from charly_vm.model.source import Bootstrap

DEBIAN = Bootstrap(kind="bootstrap", distro="debian-12")


def build(store: Store, watcher: Watcher, source: Bootstrap = DEBIAN) -> Path:
    machine = platform.machine()
    return bootstrap_image(source, architecture=machine, store=store, progress=watcher).path


def test_a_distribution_that_is_not_known_is_an_error_that_names_those_that_are(
    store: Store, watcher: Watcher
) -> None:
    with pytest.raises(HostError, match="a disk of slackware for") as raised:
        build(store, watcher, Bootstrap(kind="bootstrap", distro="slackware"))
    known = "debian-12, debian-13 by mmdebstrap and debootstrap on x86_64, aarch64"
    assert known in raised.value.hint


def test_an_architecture_that_is_not_known_is_an_error(store: Store, watcher: Watcher) -> None:
    with pytest.raises(HostError, match="debian-12 for m68k cannot be bootstrapped by mmdebstrap"):
        bootstrap_image(DEBIAN, architecture="m68k", store=store, progress=watcher)


def test_what_this_version_does_not_make_is_said_before_the_work(
    store: Store, watcher: Watcher
) -> None:
    source = DEBIAN.model_copy(update={"bootstrap_arch": "i386", "bootstrap_variant": "tiny"})
    with pytest.raises(HostError, match=r"bootstrap_arch: i386 .*; bootstrap_variant: tiny \("):
        build(store, watcher, source)
    assert watcher.phases == []


def test_all_missing_programs_are_named_at_once(
    store: Store, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = ("mmdebstrap", "setpriv")
    monkeypatch.setattr(
        bootstrap, "find_tool", lambda name: None if name in missing else find_tool(name)
    )
    with pytest.raises(HostError, match="not installed: mmdebstrap, setpriv") as raised:
        build(store, watcher)
    assert raised.value.hint == "install mmdebstrap, util-linux"
    assert watcher.phases == []


def test_the_builder_of_an_image_need_not_be_here(
    store: Store, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(name: str) -> Path | None:
        return None if name in ("mmdebstrap", "podman") else find_tool(name)

    monkeypatch.setattr(bootstrap, "find_tool", find)
    monkeypatch.setattr(process, "find_tool", find)
    source = DEBIAN.model_copy(update={"builder_image": "localhost/it"})
    with pytest.raises(HostError, match="the program podman is not installed"):
        build(store, watcher, source)


def test_too_little_room_is_said_before_the_work(
    store: Store, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "ROOM_NEEDED", 2**60)
    with pytest.raises(HostError, match=r"needs 1099511627776 MiB below /.* MiB are free"):
        build(store, watcher)
    assert watcher.phases == []


def test_a_package_that_does_not_exist_is_an_error_in_apts_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: Store, watcher: Watcher
) -> None:
    # The real mmdebstrap would ask the distribution's servers first.
    stand_in = tmp_path / "mmdebstrap"
    stand_in.write_text("#!/bin/sh\necho 'E: Unable to locate package frobnicate' >&2\nexit 1\n")
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(LaunchError, match="packages of Debian bookworm failed") as raised:
        build(store, watcher, DEBIAN.model_copy(update={"package": ("frobnicate",)}))
    assert "Unable to locate package frobnicate" in str(raised.value)
    assert list((store.directory / "building").iterdir()) == []


@pytest.mark.live
def test_a_bootstrapped_debian_is_clean_and_complete(watcher: Watcher, tmp_path: Path) -> None:
    # The user's own cache: the suite builds the disk once.
    cache = Store(images_directory())
    path = build(cache, watcher)
    root = tmp_path / "root"
    extent = f"driver=raw,offset={ROOT_START * 512},file.driver=qcow2,file.file.filename={path}"
    run(["qemu-img", "convert", "--image-opts", extent, "-O", "raw", root], timeout=120)

    def debugfs(command: str) -> str:
        return run([find_tool("debugfs") or "debugfs", "-R", command, root], timeout=60).stdout

    assert debugfs("cat /etc/machine-id") == ""
    assert "Size: 0" in debugfs("stat /etc/machine-id")
    assert "ssh_host_" not in debugfs("ls -p /etc/ssh")
    assert "sshd_config" in debugfs("ls -p /etc/ssh")
    assert "hostname/" not in debugfs("ls -p /etc")
    assert debugfs("cat /etc/fstab") == EXT4.fstab
    assert "_Packages" not in debugfs("ls -p /var/lib/apt/lists")
    assert "growpart" not in debugfs("cat /etc/cloud/cloud.cfg")
    assert "Fast link dest" in debugfs("stat /vmlinuz")
    assert "systemd-networkd.service" in debugfs(
        "ls -p /etc/systemd/system/multi-user.target.wants"
    )
    assert "apt-daily" not in debugfs("ls -p /etc/systemd/system/timers.target.wants")
