"""The libvirt probe of a machine that is on record: its snapshots are the machine's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from snapshot_place import SnapshotPlace, snapshot_place

from charly_vm.errors import SpecError, StateError
from charly_vm.machine.libvirt_probe import probe_of
from charly_vm.machine.ownership import own_machine

pytestmark = pytest.mark.live


@pytest.fixture
def place() -> Iterator[SnapshotPlace]:
    """Off, with 1 in the first block of its disk."""
    with snapshot_place() as made:
        made.write(0, 1)
        yield made


def test_a_snapshot_is_taken_gone_back_to_and_removed(place: SnapshotPlace) -> None:
    snapshot = probe_of(place.machine, held=False).snapshot
    made = snapshot.create("clean", description="as delivered")
    assert (made.mode, made.current, made.memory) == ("external", True, False)
    place.write(0, 2)
    # The record has changed since the probe was made; what changes the machine reads it again.
    assert snapshot.revert("clean") == made
    assert place.holds({0: 1})
    assert place.names() == ["clean"]
    assert snapshot.info("clean") == made
    snapshot.delete("clean")
    assert snapshot.list() == ()


def test_whoever_holds_the_machine_changes_it_at_once(place: SnapshotPlace) -> None:
    machine = place.machine
    with own_machine(machine.name):
        snapshot = probe_of(machine).snapshot
        snapshot.create("one")
        assert snapshot.create("two", mode="external").parent == "one"
        assert [one.current for one in snapshot.list()] == [False, True]


def test_what_cannot_be_meant_changes_nothing(place: SnapshotPlace) -> None:
    snapshot = probe_of(place.machine, held=False).snapshot
    with pytest.raises(SpecError, match=r"'extrenal', .*did you mean 'external'"):
        snapshot.create("clean", mode="extrenal")
    with pytest.raises(StateError, match="cannot be the name"):
        snapshot.create("1")
    with pytest.raises(StateError, match="has no snapshot 'none'"):
        snapshot.revert("none")
    assert place.names() == []


def test_the_probe_shows_the_machine_and_those_beside_it(place: SnapshotPlace) -> None:
    probe = probe_of(place.machine)
    info = probe.info()
    assert (info.name, info.state, info.memory) == (place.domain, "shut off", 32 * 1024**2)
    assert [one.name for one in probe.list()] == [place.domain]
    place.start()
    assert probe.info().state == "running"
    assert probe.screenshot().startswith(b"\x89PNG")
    assert place.domain in probe.domain_xml()
