"""Snapshots with a real QEMU and no guest: what the disk holds after each verb, what is left."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from snapshot_place import SnapshotPlace, snapshot_place

from charly_vm.backend import qmp
from charly_vm.errors import CharlyError, GuestError, HostError, StateError
from charly_vm.machine.records import Stage, paths_of, write_record
from charly_vm.machine.snapshot_layers import discard_disk, paths_of_kept_disk
from charly_vm.machine.snapshot_record import Mode
from charly_vm.machine.snapshots import (
    Wish,
    create_snapshot,
    delete_snapshot,
    revert_to_snapshot,
)
from charly_vm.model.protocols import DomainState

pytestmark = pytest.mark.live

INTERNAL = Mode.INTERNAL


@pytest.fixture
def place() -> Iterator[SnapshotPlace]:
    """Off, with 1 in the first block of its disk."""
    with snapshot_place() as made:
        made.write(0, 1)
        yield made


def _off(place: SnapshotPlace) -> None:
    assert place.machine.state() is DomainState.SHUT_OFF


RUNNING_OR_OFF = pytest.mark.parametrize(
    "begin", [SnapshotPlace.start, _off], ids=["running", "off"]
)
MODES = pytest.mark.parametrize("mode", list(Mode))


@RUNNING_OR_OFF
@MODES
def test_what_came_after_a_snapshot_is_gone_when_one_goes_back(
    place: SnapshotPlace, begin: Callable[[SnapshotPlace], None], mode: Mode
) -> None:
    begin(place)
    before = place.machine.state()
    made = create_snapshot(place.machine, Wish("clean", mode, "as delivered"))
    assert made.memory is (before.has_process and mode is INTERNAL)
    assert place.machine.state() is before
    place.write(0, 2)
    place.write(1, 3)
    assert place.holds({0: 2, 1: 3})
    revert_to_snapshot(place.machine, "clean")
    assert place.machine.state() is before
    assert place.holds({0: 1, 1: 0})
    place.power_off()
    assert place.holds({0: 1, 1: 0})
    assert place.record.current == "clean"
    # And a second time: the snapshot itself has not changed.
    place.write(0, 9)
    revert_to_snapshot(place.machine, "clean")
    assert place.holds({0: 1})


def test_a_machine_goes_on_from_where_its_memory_was_saved_also_when_it_is_off(
    place: SnapshotPlace,
) -> None:
    place.start()
    create_snapshot(place.machine, Wish("warm", INTERNAL))
    place.write(0, 2)
    place.power_off()
    revert_to_snapshot(place.machine, "warm")
    assert place.machine.state() is DomainState.RUNNING
    assert place.holds({0: 1})


def test_a_memory_that_does_not_fit_leaves_the_disk_of_the_snapshot_and_says_so(
    place: SnapshotPlace,
) -> None:
    place.start()
    create_snapshot(place.machine, Wish("warm", INTERNAL))
    place.write(0, 2)
    place.power_off()
    resolved = place.machine.record.machine
    place.machine.backend.define(dataclasses.replace(resolved, ram=resolved.ram * 2))
    with pytest.raises(HostError, match="the memory in warm cannot be loaded") as caught:
        revert_to_snapshot(place.machine, "warm")
    assert "`charly vm start` boots it" in caught.value.hint
    assert place.machine.state() is DomainState.SHUT_OFF
    assert place.holds({0: 1})
    assert place.record.pending is None


@RUNNING_OR_OFF
def test_branches_of_external_snapshots_are_all_reachable(
    place: SnapshotPlace, begin: Callable[[SnapshotPlace], None]
) -> None:
    begin(place)
    for name, value in (("one", 2), ("two", 3)):
        create_snapshot(place.machine, Wish(name))
        place.write(0, value)
    revert_to_snapshot(place.machine, "one")
    assert place.holds({0: 1})
    place.write(0, 4)
    made = create_snapshot(place.machine, Wish("three"))
    assert made.parent == "one"
    for name, value in (("two", 2), ("three", 4), ("one", 1), ("two", 2)):
        revert_to_snapshot(place.machine, name)
        assert place.holds({0: value}), name
    assert place.names() == ["one", "two", "three"]


def test_removing_an_external_snapshot_merges_what_stands_on_it(place: SnapshotPlace) -> None:
    for number in range(1, 4):
        create_snapshot(place.machine, Wish(f"s{number}"))
        place.write(number, number)
    everything = {0: 1, 1: 1, 2: 2, 3: 3}
    # From the middle, from the bottom, from the top.
    for gone, left, at_left in (
        ("s2", ["s1", "s3"], {"s1": {1: 0, 2: 0}, "s3": {1: 1, 2: 2, 3: 0}}),
        ("s1", ["s3"], {"s3": {0: 1, 1: 1, 2: 2, 3: 0}}),
        ("s3", [], {}),
    ):
        delete_snapshot(place.machine, gone)
        assert place.names() == left
        assert place.holds(everything), gone
        for name, content in at_left.items():
            create_snapshot(place.machine, Wish("aside"))
            revert_to_snapshot(place.machine, name)
            assert place.holds(content), (gone, name)
            revert_to_snapshot(place.machine, "aside")
            delete_snapshot(place.machine, "aside")
            assert place.holds(everything)
    assert place.images() == ["base.qcow2", "disk.qcow2"]


def test_a_branch_that_is_removed_leaves_no_image(place: SnapshotPlace) -> None:
    create_snapshot(place.machine, Wish("one"))
    create_snapshot(place.machine, Wish("two"))
    revert_to_snapshot(place.machine, "one")
    place.start()
    delete_snapshot(place.machine, "two")
    assert len(place.images()) == 3  # the base, the first layer, and the one in use
    assert place.names() == ["one"]


@RUNNING_OR_OFF
def test_removing_an_internal_snapshot_leaves_the_state_as_it_is(
    place: SnapshotPlace, begin: Callable[[SnapshotPlace], None]
) -> None:
    begin(place)
    create_snapshot(place.machine, Wish("one", INTERNAL))
    place.write(0, 2)
    delete_snapshot(place.machine, "one")
    assert place.holds({0: 2})
    assert place.names() == []
    assert place.machine.backend.find_snapshots(place.machine.record.domain) == {}


def test_internal_snapshots_stand_on_an_external_one(place: SnapshotPlace) -> None:
    create_snapshot(place.machine, Wish("delivered"))
    place.write(0, 2)
    create_snapshot(place.machine, Wish("tuned", INTERNAL))
    place.write(0, 3)
    revert_to_snapshot(place.machine, "tuned")
    assert place.holds({0: 2})
    with pytest.raises(StateError, match="internal snapshots in it would be lost: tuned"):
        revert_to_snapshot(place.machine, "delivered")
    with pytest.raises(StateError, match="the internal snapshots tuned stand on delivered"):
        delete_snapshot(place.machine, "delivered")
    with pytest.raises(StateError, match="out of reach: tuned"):
        create_snapshot(place.machine, Wish("more"))
    assert place.holds({0: 2})
    delete_snapshot(place.machine, "tuned")
    revert_to_snapshot(place.machine, "delivered")
    assert place.holds({0: 1})


def test_what_several_things_stand_on_cannot_be_removed(place: SnapshotPlace) -> None:
    create_snapshot(place.machine, Wish("one"))
    create_snapshot(place.machine, Wish("two"))
    revert_to_snapshot(place.machine, "one")
    with pytest.raises(StateError, match="stand on one: two, the machine's disk"):
        delete_snapshot(place.machine, "one")
    delete_snapshot(place.machine, "two")
    delete_snapshot(place.machine, "one")
    assert place.images() == ["base.qcow2", "disk.qcow2"]


def test_a_running_machine_keeps_what_its_disk_stands_on(place: SnapshotPlace) -> None:
    create_snapshot(place.machine, Wish("one"))
    place.start()
    with pytest.raises(StateError, match="stands on one while it runs") as caught:
        delete_snapshot(place.machine, "one")
    assert f"charly vm stop {place.machine.record.label}" in caught.value.hint
    assert place.names() == ["one"]


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        (Wish("1"), "cannot be the name"),
        (Wish("../x"), "cannot be the name"),
        (Wish(""), "cannot be the name"),
        (Wish("there"), "has a snapshot there already"),
        (Wish("new", parent="elsewhere"), "has to be taken from elsewhere"),
    ],
)
def test_what_cannot_be_taken_is_refused_and_leaves_nothing(
    place: SnapshotPlace, wish: Wish, why: str
) -> None:
    create_snapshot(place.machine, Wish("there"))
    with pytest.raises(StateError, match=why):
        create_snapshot(place.machine, wish)
    assert place.names() == ["there"]


def test_the_wished_parent_is_the_snapshot_that_the_state_is_based_on(
    place: SnapshotPlace,
) -> None:
    create_snapshot(place.machine, Wish("one"))
    create_snapshot(place.machine, Wish("two", parent="one"))
    with pytest.raises(StateError, match=f"the state of {place.domain} is based on two") as caught:
        create_snapshot(place.machine, Wish("three", parent="one"))
    label = place.machine.record.label
    assert f"charly vm snapshot revert {label} one" in caught.value.hint


def test_a_snapshot_that_is_not_there_names_those_that_are(place: SnapshotPlace) -> None:
    create_snapshot(place.machine, Wish("one"))
    for act in (revert_to_snapshot, delete_snapshot):
        with pytest.raises(StateError, match="has no snapshot 'two'") as caught:
            act(place.machine, "two")
        assert caught.value.hint == "it has one"


def test_a_guest_without_an_agent_is_not_quiesced_and_nothing_is_left(
    place: SnapshotPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("charly_vm.backend.guest_agent.SYNC_SECONDS", 0.2)
    place.start()
    with pytest.raises(GuestError, match="the guest agent does not answer") as caught:
        create_snapshot(place.machine, Wish("one", quiesce=True))
    assert "qemu-guest-agent" in caught.value.hint
    assert place.names() == []
    assert place.images() == ["base.qcow2", "disk.qcow2"]
    place.write(0, 7)
    assert place.holds({0: 7})


def test_a_machine_that_is_off_is_at_rest_already(place: SnapshotPlace) -> None:
    assert create_snapshot(place.machine, Wish("one", quiesce=True)).quiesced is False


def test_a_switch_that_qemu_refuses_is_undone(
    place: SnapshotPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.start()
    execute = qmp.execute

    def refuse(path: Path, command: str, *rest: object, **more: float) -> object:
        if command == "blockdev-snapshot-sync":
            raise qmp.CommandRefused("QEMU refused blockdev-snapshot-sync: no")
        return execute(path, command, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(qmp, "execute", refuse)
    with pytest.raises(CharlyError, match="refused"):
        create_snapshot(place.machine, Wish("one"))
    assert place.names() == []
    assert place.images() == ["base.qcow2", "disk.qcow2"]
    place.write(0, 7)
    place.power_off()
    place.start()
    assert place.holds({0: 7})


def test_the_uefi_variables_go_with_a_snapshot(place: SnapshotPlace) -> None:
    nvram = place.machine.record.machine.paths.nvram
    create_snapshot(place.machine, Wish("one"))
    nvram.write_text("changed")
    revert_to_snapshot(place.machine, "one")
    assert nvram.read_text() == "variables"
    delete_snapshot(place.machine, "one")
    assert list(place.machine.record.machine.paths.snapshots.iterdir()) == []


def test_a_machine_of_which_only_the_disk_is_left_has_to_be_created_first(
    place: SnapshotPlace,
) -> None:
    create_snapshot(place.machine, Wish("one"))
    record = dataclasses.replace(place.machine.record, stage=Stage.DISK_KEPT)
    write_record(record)
    with pytest.raises(StateError, match="is not there"):
        create_snapshot(place.machine, Wish("two"))
    kept = paths_of_kept_disk(record, record.machine.domain)
    assert kept.layer == record.machine.paths.layer
    assert kept.overlay.exists()


def test_a_fresh_disk_has_no_snapshots(place: SnapshotPlace) -> None:
    create_snapshot(place.machine, Wish("one"))
    paths = place.machine.record.machine.paths
    discard_disk(paths)
    assert place.names() == []
    assert place.images() == ["base.qcow2"]
    fresh = paths_of_kept_disk(place.machine.record, place.machine.record.machine.domain)
    assert fresh == paths_of(place.machine.record.machine.domain)
