"""Which package manager a host has, and the commands that follow."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from charly_vm.host import package_manager
from charly_vm.host.package_manager import PackageManager, PackageNames, find_package_manager

NAMES = PackageNames("qemu-utils", "qemu-img", "")


@pytest.mark.parametrize(
    ("os_release", "name"),
    [
        ("ID=debian\n", "apt"),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', "apt"),
        ("ID=fedora\n", "dnf"),
        ('ID="almalinux"\nID_LIKE="rhel centos fedora"\n', "dnf"),
        ("ID=cachyos\nID_LIKE=arch\n", "pacman"),
    ],
)
def test_it_is_the_distributions_own(tmp_path: Path, os_release: str, name: str) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "os-release").write_text(f"# x\nPRETTY_NAME='A B'\n{os_release}")
    assert find_package_manager(tmp_path).name == name


def test_where_the_distribution_is_not_known_it_is_the_one_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        package_manager, "find_tool", lambda name: Path("/x") if name == "pacman" else None
    )
    assert find_package_manager(tmp_path).name == "pacman"
    monkeypatch.setattr(package_manager, "find_tool", lambda name: None)
    assert find_package_manager(tmp_path).name == ""


@pytest.mark.parametrize(("uid", "sudo"), [(0, ""), (1000, "sudo ")])
def test_the_command_can_be_pasted(monkeypatch: pytest.MonkeyPatch, uid: int, sudo: str) -> None:
    monkeypatch.setattr(os, "getuid", lambda: uid)
    assert PackageManager("apt").render_install(NAMES) == f"{sudo}apt install qemu-utils"
    assert PackageManager("dnf").render_install(NAMES) == f"{sudo}dnf install qemu-img"
    assert PackageManager("pacman").render_install(NAMES) == "not in pacman's repositories"
    assert PackageManager("").render_install(NAMES) == "install qemu-utils (Debian's name)"
