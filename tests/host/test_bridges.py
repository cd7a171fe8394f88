"""Which bridges a host has, and what its bridge helper is allowed to do, on trees of our own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from charly_vm.host.bridges import probe_bridges


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A host with two bridges, one of which qemu-bridge-helper may use."""
    for name in ("br0", "br1"):
        (tmp_path / "sys/class/net" / name / "bridge").mkdir(parents=True)
    (tmp_path / "sys/class/net/eth0").mkdir()
    helper = tmp_path / "usr/lib/qemu/qemu-bridge-helper"
    helper.parent.mkdir(parents=True)
    helper.touch(mode=0o755)
    helper.chmod(0o4755)
    (tmp_path / "etc/qemu").mkdir(parents=True)
    (tmp_path / "etc/qemu/bridge.conf").write_text("# ours\nallow br0\n")
    return tmp_path


def test_a_bridge_is_an_interface_that_sysfs_calls_one(host: Path) -> None:
    assert probe_bridges(host).names == ("br0", "br1")


def test_only_what_the_helper_allows_can_be_used(host: Path) -> None:
    bridges = probe_bridges(host)
    assert bridges.obstacle("br0") == ""
    assert "bridge.conf does not allow it" in bridges.obstacle("br1")


def test_deny_beats_all_and_included_files_are_read(host: Path) -> None:
    (host / "etc/qemu/more.conf").write_text("allow all\ndeny br0\n")
    (host / "etc/qemu/bridge.conf").write_text("include /etc/qemu/more.conf\n")
    bridges = probe_bridges(host)
    assert bridges.obstacle("br1") == ""
    assert "does not allow" in bridges.obstacle("br0")


def test_deny_all_leaves_none(host: Path) -> None:
    (host / "etc/qemu/bridge.conf").write_text("allow br0\ndeny all\n")
    assert "does not allow" in probe_bridges(host).obstacle("br0")


def test_a_file_that_includes_itself_ends(host: Path) -> None:
    (host / "etc/qemu/bridge.conf").write_text("allow br0\ninclude /etc/qemu/bridge.conf\n")
    assert probe_bridges(host).obstacle("br0") == ""


def test_a_helper_without_setuid_serves_root_alone(
    host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (host / "usr/lib/qemu/qemu-bridge-helper").chmod(0o755)
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert probe_bridges(host).obstacle("br0") == ""
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    assert "is not setuid root" in probe_bridges(host).obstacle("br0")


def test_a_host_with_nothing_says_what_is_missing(tmp_path: Path) -> None:
    bridges = probe_bridges(tmp_path)
    assert bridges.names == ()
    assert "not installed" in bridges.obstacle("br0")
