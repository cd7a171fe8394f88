"""A recording of events: what is awaited, and what is kept."""

from __future__ import annotations

import threading
import time

import pytest

from charly_vm.errors import GuestTimeout, SpecError
from charly_vm.model.live import DomainEvent
from charly_vm.probe.libvirt import recording
from charly_vm.probe.libvirt.recording import Recording


def event(name: str, detail: str = "") -> DomainEvent:
    return DomainEvent(time.time(), name, detail)


def test_an_event_that_comes_meanwhile_ends_the_wait() -> None:
    events = Recording()
    later = threading.Timer(0.1, lambda: events.add(event("reboot")))
    later.start()
    begun = time.monotonic()
    assert events.wait_for("reboot", 20).event == "reboot"
    assert time.monotonic() - begun < 10
    assert events.names() == ["reboot"]
    later.join()


@pytest.mark.parametrize("until", ["lifecycle", "lifecycle stopped", "lifecycle stopped shutdown"])
def test_an_event_is_named_by_its_first_words(until: str) -> None:
    events = Recording()
    events.add(event("reboot"))
    events.add(event("lifecycle", "stopped shutdown"))
    assert events.wait_for(until, 0).detail == "stopped shutdown"


def test_what_does_not_come_is_a_timeout_that_tells_what_did() -> None:
    events = Recording()
    events.add(event("lifecycle", "suspended paused"))
    with pytest.raises(GuestTimeout, match=r"'lifecycle stopped'.*seen: .* suspended"):
        events.wait_for("lifecycle stopped", 0.01)
    assert events.find_within("lifecycle stop", 0) is None


def test_where_nothing_more_can_come_nobody_waits() -> None:
    events = Recording()
    events.add(event("disconnected", "eof"))
    begun = time.monotonic()
    with pytest.raises(GuestTimeout, match="disconnected eof"):
        events.wait_for("reboot", 60)
    assert events.find_within("", 60) is None
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(("until", "meant"), [("rebot", "reboot"), ("lifecicle x", "lifecycle")])
def test_a_misspelt_name_is_not_waited_for(until: str, meant: str) -> None:
    with pytest.raises(SpecError, match=f"did you mean '{meant}'"):
        Recording().wait_for(until, 60)


def test_a_name_that_only_qemu_knows_may_be_awaited() -> None:
    events = Recording()
    events.add(event("nic-rx-filter-changed"))
    assert events.wait_for("nic-rx-filter-changed", 0)


def test_a_guest_that_makes_events_without_end_fills_no_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recording, "MOST_EVENTS", 3)
    events = Recording()
    for number in range(10):
        events.add(event("rtc-change", str(number)))
    events.add(event("disconnected"))
    assert [one.detail for one in events] == ["0", "1", "2", ""]
    assert events.lost == 7
