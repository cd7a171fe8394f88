"""What a switch leaves for whoever comes after it, and for no later boot."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from fake_host import AUDIO, BOOT_ID, GPU, FakeHost

from charly_vm.gpu.journal import Busy, Done, Journal, Switch
from charly_vm.gpu.steps import Before, Kind, Step

DONE = (
    Done(Step(Kind.UNLOAD, name="nvidia"), Before(loaded=True)),
    Done(Step(Kind.OVERRIDE, GPU, "vfio-pci"), Before(override="nvidia")),
    Done(Step(Kind.OVERRIDE, GPU), Before(driver="vfio-pci")),
)
SWITCH = Switch(7, (GPU, AUDIO), "vfio", BOOT_ID, DONE, child=42, reason="why")


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


@pytest.fixture
def journal(host: FakeHost) -> Journal:
    return Journal(host.root)


def test_a_switch_is_found_as_it_was_written(journal: Journal) -> None:
    assert journal.find_switch(7) is None
    journal.write_switch(SWITCH)
    assert journal.find_switch(7) == SWITCH
    assert journal.find_switch(8) is None
    journal.end_switch(7)
    journal.end_switch(7)
    assert journal.find_switch(7) is None


def test_whoever_asks_may_read_it(journal: Journal) -> None:
    before = os.umask(0o077)
    try:
        journal.write_switch(SWITCH)
        journal.poison(SWITCH, "it hangs")
    finally:
        os.umask(before)
    assert {file.stat().st_mode & 0o777 for file in journal.directory.iterdir()} == {0o644}


def test_a_record_that_is_out_of_reach_counts_as_a_switch(journal: Journal) -> None:
    # A directory that is none stands in for one that is closed, which nothing is to root.
    journal.directory.parent.mkdir(parents=True, exist_ok=True)
    journal.directory.write_text("")
    left = journal.find_switch(7)
    assert left is not None
    assert "Not a directory" in left.reason
    assert not journal.persistence_was_stopped
    assert journal.find_poisons() == []


def test_poison_is_found_until_it_is_cleared(journal: Journal) -> None:
    assert journal.find_poison(7) is None
    journal.poison(SWITCH, "it hangs")
    found = journal.find_poison(7)
    assert found is not None
    assert (found.reason, found.addresses) == ("it hangs", (GPU, AUDIO))
    assert journal.find_switch(7) is None
    journal.clear_poison(7)
    journal.clear_poison(7)
    assert journal.find_poison(7) is None


def test_nothing_is_true_after_a_reboot(host: FakeHost, journal: Journal) -> None:
    journal.write_switch(SWITCH)
    journal.poison(SWITCH, "it hangs")
    host.write("proc/sys/kernel/random/boot_id", "another")
    assert journal.find_switch(7) is None
    assert journal.find_poison(7) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2},
        {"group": None},
        {"addresses": 7},
        {"done": [{}]},
        {"done": [{"step": {"kind": "run"}, "before": {}}]},
        {"done": [{"step": {"kind": "load", "name": "e1000e"}, "before": {}}]},
        {"done": [{"step": {"kind": "load", "name": "nvidia"}, "before": {"more": 1}}]},
        {"child": "x"},
    ],
)
def test_a_switch_that_is_not_understood_has_nothing_to_take_back(
    journal: Journal, changes: dict[str, object]
) -> None:
    journal.write_switch(SWITCH)
    file = journal.directory / "group-7.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
    require_unreadable(journal)


def require_unreadable(journal: Journal) -> None:
    left = journal.find_switch(7)
    assert left is not None
    assert (left.group, left.done) == (7, ())
    assert "cannot be read" in left.reason


@pytest.mark.parametrize("text", ["", "{", "[]", "7"])
def test_what_is_no_record_is_a_switch_and_no_poison(journal: Journal, text: str) -> None:
    journal.directory.mkdir(parents=True)
    for name in ("group-7.json", "poison-7.json"):
        (journal.directory / name).write_text(text)
    require_unreadable(journal)
    assert journal.find_poison(7) is None


def test_one_at_a_time_holds_it(host: FakeHost, journal: Journal) -> None:
    assert not journal.is_held()
    with journal.held(0):
        assert journal.is_held()
        assert Journal(host.root).is_held()
        with pytest.raises(Busy), Journal(host.root).held(0.05):
            pass
    assert not journal.is_held()
    with journal.held(0):
        pass


def test_that_the_daemon_was_stopped_is_kept_until_it_is_started(
    host: FakeHost, journal: Journal
) -> None:
    assert not journal.persistence_was_stopped
    journal.note_persistence(stopped=False)
    journal.directory.mkdir(parents=True)
    journal.note_persistence(stopped=True)
    assert Journal(host.root).persistence_was_stopped
    journal.note_persistence(stopped=False)
    assert not journal.persistence_was_stopped
