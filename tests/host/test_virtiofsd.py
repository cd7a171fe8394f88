"""Where virtiofsd is, and whose ids are whose, on trees of our own."""

from __future__ import annotations

import json
import os
import pwd
from pathlib import Path

import pytest

from charly_vm.host.subordinate_ids import SubordinateIds, this_user
from charly_vm.host.virtiofsd import find_virtiofsd


def describe(root: Path, directory: str, name: str, **descriptor: str) -> None:
    file = root / directory / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(descriptor))


@pytest.fixture
def host(tmp_path: Path) -> Path:
    for name in ("virtiofsd", "other", "gpu"):
        (tmp_path / name).touch()
    describe(tmp_path, "usr/share/qemu/vhost-user", "40-gpu.json", type="gpu", binary="/gpu")
    describe(tmp_path, "usr/share/qemu/vhost-user", "50-fs.json", type="fs", binary="/virtiofsd")
    return tmp_path


def test_virtiofsd_is_what_its_descriptor_names(host: Path) -> None:
    assert find_virtiofsd(host) == "/virtiofsd"


def test_an_administrators_descriptor_replaces_the_packages(host: Path) -> None:
    describe(host, "etc/qemu/vhost-user", "50-fs.json", type="fs", binary="/other")
    assert find_virtiofsd(host) == "/other"


def test_a_program_that_is_gone_and_a_broken_descriptor_count_for_nothing(host: Path) -> None:
    (host / "usr/share/qemu/vhost-user/10-broken.json").write_text("{")
    (host / "virtiofsd").unlink()
    assert find_virtiofsd(host) == ""


def test_a_user_may_give_away_the_range_that_is_written_down(tmp_path: Path) -> None:
    name = pwd.getpwuid(os.getuid()).pw_name
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/subuid").write_text(f"someone:1:2\n{name}:100000:65536\n")
    (tmp_path / "etc/subgid").write_text(f"{os.getuid()}:200000:100\nbroken\n")
    user = this_user(tmp_path)
    assert (user.uid, user.gid) == (os.getuid(), os.getgid())
    assert user.subuids == SubordinateIds(100000, 65536)
    assert user.subgids == SubordinateIds(200000, 100)


def test_without_the_files_there_is_no_range(tmp_path: Path) -> None:
    assert this_user(tmp_path).subuids is None
