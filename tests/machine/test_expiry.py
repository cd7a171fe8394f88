"""Machines that are kept for a time: removed when it is over, and not before."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from machine_samples import sample_record

from charly_vm.errors import HostError
from charly_vm.host.locks import hold
from charly_vm.machine.expiry import arrange_removal, remove_expired
from charly_vm.machine.machine import Machine
from charly_vm.machine.records import (
    MachineRecord,
    Owner,
    Purpose,
    find_record,
    machine_lock,
    now,
    write_record,
)


def keep(name: str, *, purpose: Purpose = Purpose.KEPT, seconds: float = -5) -> MachineRecord:
    owner = Owner(purpose, 1, "pytest", now(), "boot", now(after=seconds))
    record = dataclasses.replace(sample_record(name), owner=owner)
    record.machine.paths.directory.mkdir()
    write_record(record)
    return record


@pytest.fixture
def destroyed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The machines that were destroyed, of which none has ever run."""
    names: list[str] = []

    def destroy(machine: Machine, *, disk: bool) -> None:
        assert disk
        if machine.name.endswith("stuck"):
            raise HostError("the disk is full")
        names.append(machine.name)

    monkeypatch.setattr(Machine, "destroy", destroy)
    return names


def test_what_has_expired_is_removed_and_nothing_else(destroyed: list[str]) -> None:
    keep("old")
    keep("young", seconds=3600)
    keep("by-hand", purpose=Purpose.COMMAND)
    [removed] = remove_expired()
    assert removed.startswith("machine charly-old, which was kept until 20")
    assert destroyed == ["charly-old"]


def test_a_machine_that_somebody_works_on_stays(destroyed: list[str]) -> None:
    keep("old")
    with hold(machine_lock("charly-old")):
        assert remove_expired() == []
    assert remove_expired()
    assert destroyed == ["charly-old"]


def test_one_that_cannot_be_removed_is_said_and_stops_nobody(destroyed: list[str]) -> None:
    class Watcher:
        notes: list[str] = []  # noqa: RUF012

        def note(self, text: str) -> None:
            self.notes.append(text)

    keep("a-stuck")
    keep("old")
    watcher = Watcher()
    assert len(remove_expired(watcher)) == 1  # type: ignore[arg-type]
    assert destroyed == ["charly-old"]
    assert watcher.notes == ["a-stuck has expired and cannot be removed: the disk is full"]


def test_a_record_of_before_has_no_end() -> None:
    record = keep("old")
    text = record.machine.paths.record.read_text()
    start = text.index(',\n    "expires"')
    end = text.index("\n", start + 2)
    record.machine.paths.record.write_text(text[:start] + text[end:])
    found = find_record("charly-old")
    assert found
    assert found.owner.expires == ""
    assert not found.is_expired(now())


def test_the_users_systemd_removes_it_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = tmp_path / "said"
    program = tmp_path / "systemd-run"
    program.write_text(f'#!/bin/sh\necho "$@" >>{said}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    arrange_removal("charly-x", 60)
    assert not said.exists()
    (tmp_path / "systemd").mkdir()
    arrange_removal("charly-x", 60)
    words = said.read_text().split()
    assert "--unit=charly-expire-charly-x" in words
    assert "--on-active=61s" in words
    assert words[-2:] == ["vm", "prune"]
