"""Records: what is written is what is read, and what cannot be understood is left alone."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from machine_samples import sample_record

from charly_vm.errors import StateError
from charly_vm.machine import records
from charly_vm.machine.records import (
    Purpose,
    Stage,
    find_record,
    paths_of,
    read_records,
    write_record,
)


def test_a_record_is_read_as_it_was_written() -> None:
    record = sample_record()
    record.machine.paths.directory.mkdir()
    write_record(record)
    assert find_record(record.machine.domain) == record
    assert record.machine.paths.record.stat().st_mode & 0o777 == 0o600


def test_no_record_is_none_and_an_empty_directory_is_no_record() -> None:
    assert find_record("charly-none") is None
    paths_of("charly-none").directory.mkdir()
    assert find_record("charly-none") is None
    assert read_records() == ([], [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is damaged"),
        ('{"version": 999}', "another version of charly .format 999, this one reads 3."),
        ('{"version": 3}', "is not a record"),
        ('{"version": 3, "name": "x", "machine": {}}', "is not a record"),
        ("[]", "is not a record"),
    ],
)
def test_what_cannot_be_understood_is_named_and_does_not_hide_the_others(
    text: str, message: str
) -> None:
    good = sample_record()
    good.machine.paths.directory.mkdir()
    write_record(good)
    bad = paths_of("charly-bad")
    bad.directory.mkdir()
    bad.record.write_text(text)
    with pytest.raises(StateError, match=message):
        find_record("charly-bad")
    found, errors = read_records()
    assert found == [good]
    assert len(errors) == 1
    assert bad.record.read_text() == text


@pytest.mark.parametrize(
    ("stage", "purpose", "bound"),
    [
        (Stage.CREATING, Purpose.COMMAND, True),
        (Stage.CREATED, Purpose.COMMAND, False),
        (Stage.DESTROYING, Purpose.COMMAND, True),
        (Stage.DISK_KEPT, Purpose.COMMAND, False),
        (Stage.CREATED, Purpose.BED, True),
        (Stage.CREATED, Purpose.KEPT, False),
    ],
)
def test_only_unfinished_machines_and_those_of_beds_depend_on_their_owner(
    stage: Stage, purpose: Purpose, bound: bool
) -> None:
    record = sample_record()
    owner = dataclasses.replace(record.owner, purpose=purpose)
    assert dataclasses.replace(record, stage=stage, owner=owner).is_bound_to_owner is bound


def test_the_record_says_in_which_format_it_is() -> None:
    record = sample_record()
    record.machine.paths.directory.mkdir()
    write_record(record)
    assert json.loads(record.machine.paths.record.read_text())["version"] == 3


def test_sockets_have_short_paths_of_their_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    long = "charly-" + "x" * 63
    monkeypatch.setattr(records, "runtime_directory", lambda: Path("/run/user/1000/charly"))
    first = paths_of(long)
    assert len(str(first.console_socket)) < 60
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "another"))
    assert paths_of(long).runtime != first.runtime
