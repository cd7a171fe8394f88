"""The record of snapshots: what is written is what is read, and what is taken out leaves no gap."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charly_vm.errors import StateError
from charly_vm.machine.snapshot_record import (
    Mode,
    Pending,
    Snapshot,
    SnapshotRecord,
    Verb,
    read_snapshots,
    snapshot_record_file,
    write_snapshots,
)
from charly_vm.model.resolved import Paths


def _snapshot(name: str, parent: str = "", mode: Mode = Mode.EXTERNAL) -> Snapshot:
    return Snapshot(name, mode, f"about {name}", "2026-11-24T00:00:00Z", parent, layer=Path("x/y"))


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path, tmp_path / "run")


@pytest.mark.parametrize("pending", [None, Pending(Verb.REVERT, "a", Path("snapshots/b.qcow2"))])
def test_a_record_is_read_as_it_was_written(paths: Paths, pending: Pending | None) -> None:
    internal = Snapshot("b", Mode.INTERNAL, "", "2026-11-24T00:00:00Z", "a", memory=True)
    record = SnapshotRecord((_snapshot("a"), internal), "b", pending)
    write_snapshots(paths, record)
    assert read_snapshots(paths) == record
    assert snapshot_record_file(paths).stat().st_mode & 0o777 == 0o600


def test_no_record_is_an_empty_one(paths: Paths) -> None:
    assert read_snapshots(paths) == SnapshotRecord()


@pytest.mark.parametrize("text", ["", "[", "[]", "{}", '{"version": 9}', '{"version": 1}'])
def test_what_cannot_be_understood_is_named_and_left_alone(paths: Paths, text: str) -> None:
    snapshot_record_file(paths).write_text(text)
    with pytest.raises(StateError, match=r"snapshots\.json cannot be understood"):
        read_snapshots(paths)
    assert snapshot_record_file(paths).read_text() == text


def test_the_format_is_in_it(paths: Paths) -> None:
    write_snapshots(paths, SnapshotRecord())
    assert json.loads(snapshot_record_file(paths).read_text())["version"] == 1


def test_what_came_from_one_that_is_removed_comes_from_its_parent() -> None:
    record = SnapshotRecord((_snapshot("a"), _snapshot("b", "a"), _snapshot("c", "b")), "b")
    left = record.without("b")
    assert [(one.name, one.parent) for one in left.snapshots] == [("a", ""), ("c", "a")]
    assert left.current == "a"
    assert left.without("a").current == ""
    assert record.without("nothing") == record


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.booleans()), max_size=12))
def test_parents_are_always_there(steps: list[tuple[str, bool]]) -> None:
    record = SnapshotRecord()
    for name, remove in steps:
        if remove:
            record = record.without(name)
        elif record.find(name) is None:
            record = record.with_snapshot(_snapshot(name, record.current))
            record = SnapshotRecord(record.snapshots, name)
        names = {one.name for one in record.snapshots}
        assert record.current in names | {""}
        assert {one.parent for one in record.snapshots} <= names | {""}
