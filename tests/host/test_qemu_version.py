"""An emulator's version, from a stand-in that counts how often it is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from charly_vm.host import qemu_version
from charly_vm.host.qemu_version import find_version


@pytest.fixture
def emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script that is taken for a program."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(qemu_version, "ELF", b"#!")
    return write(tmp_path / "qemu-system-x86_64", "7.2.22")


def write(program: Path, version: str) -> Path:
    asked = program.with_name("asked")
    text = f"QEMU emulator version {version} (Debian 1:7.2+dfsg-7)"
    program.write_text(f"#!/bin/sh\necho >>{asked}\necho '{text}'\n")
    program.chmod(0o755)
    return program


def times_asked(program: Path) -> int:
    return len(program.with_name("asked").read_text().splitlines())


def test_an_emulator_is_asked_once(emulator: Path) -> None:
    assert find_version(emulator) == find_version(emulator) == (7, 2, 22)
    assert times_asked(emulator) == 1


def test_a_script_is_asked_each_time(emulator: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert find_version(emulator) == find_version(emulator) == (7, 2, 22)
    assert times_asked(emulator) == 2


def test_another_build_is_asked_again_also_behind_a_link(emulator: Path) -> None:
    link = emulator.with_name("qemu-kvm")
    link.symlink_to(emulator)
    assert find_version(link) == (7, 2, 22)
    emulator.unlink()
    write(emulator, "10.0.2")
    assert find_version(link) == (10, 0, 2)


@pytest.mark.parametrize("record", ["", "[]", '{"key": 1}', '{"version": "x"}', "\0"])
def test_a_record_that_says_nothing_is_written_anew(emulator: Path, record: str) -> None:
    find_version(emulator)
    [cache] = (emulator.parent / "state").rglob("*-version.json")
    good = cache.read_text()
    cache.write_text(record)
    assert find_version(emulator) == (7, 2, 22)
    assert cache.read_text() == good


def test_a_program_that_says_no_version_has_none(emulator: Path) -> None:
    assert find_version(write(emulator, "unknown")) == ()
