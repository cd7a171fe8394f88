"""A running domain and its events, by libvirt's own test driver, which runs nothing.

What a real hypervisor does is in `tests/live/test_libvirt_probe.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from machines_off import domain_of, make_machine

from charly_vm.backend.libvirt import LibvirtBackend
from charly_vm.backend.libvirt_session import with_connection
from charly_vm.errors import GuestError, HostError, StateError
from charly_vm.model.live import DomainEvent
from charly_vm.model.protocols import Domain, DomainState
from charly_vm.model.resolved import BackendName, Hypervisor
from charly_vm.probe.libvirt.recording import Recording

pytest.importorskip("libvirt")

BACKEND = LibvirtBackend()
URI = "test:///default"


@pytest.fixture
def domain(tmp_path: Path) -> Iterator[Domain]:
    """Running, with a VNC server that has a password."""
    there = Hypervisor(URI, hop="", pool="default-pool", directory="/default-pool")
    vnc = {"type": "vnc", "port": 5999, "passwd": "s3cret", "autoport": "no"}
    machine = make_machine(
        tmp_path,
        backend=BackendName.LIBVIRT,
        hypervisor=there,
        libvirt={"devices": {"graphics": [vnc]}},
    )
    BACKEND.define(machine)
    domain = domain_of(machine)
    BACKEND.start(domain)
    yield domain
    BACKEND.undefine(domain)


def test_it_is_looked_at(domain: Domain) -> None:
    seen = BACKEND.running(domain).inspect()
    assert seen.vcpus == 1
    assert seen.memory == 64 * 1024**2
    [vnc] = seen.graphics
    assert (vnc.type, vnc.port, vnc.has_password) == ("vnc", 5999, True)
    assert seen.uptime is None, "the test driver has no emulator"


def test_the_live_description_has_no_password(domain: Domain) -> None:
    text = BACKEND.description(domain, live=True)
    assert "5999" in text
    assert "s3cret" not in text


def test_its_neighbours_are_all_that_its_hypervisor_knows(domain: Domain) -> None:
    listed = {one.name: one for one in BACKEND.neighbours(domain)}
    # The test driver has one of its own from the start.
    assert set(listed) >= {"test", domain.name}
    assert listed[domain.name].state is DomainState.RUNNING
    assert listed[domain.name].uuid == domain.uuid


def test_keys_are_pressed(domain: Domain) -> None:
    BACKEND.running(domain).send_keys([29, 46], 1)


def test_what_the_driver_cannot_do_is_an_error_in_its_words(domain: Domain) -> None:
    with pytest.raises(HostError, match="libvirt: "):
        BACKEND.running(domain).monitor("query-status", {})
    with pytest.raises(StateError, match=r"password of .* cannot be changed") as caught:
        BACKEND.running(domain).set_password("n3w-s3cret", "")
    assert "n3w" not in str(caught.value)
    assert caught.value.__context__ is None


def test_what_libvirt_would_harm_on_its_way_to_the_agent_is_not_sent(domain: Domain) -> None:
    with pytest.raises(GuestError, match=r"no more than 163840 to the guest agent unharmed"):
        BACKEND.ask_agent(domain, "guest-exec", {"input-data": "A" * 170_000})


def test_one_that_is_back_with_its_memory_is_so_where_its_emulator_cannot_be_asked(
    domain: Domain,
) -> None:
    BACKEND.save_snapshot(domain, "clean")
    BACKEND.load_snapshot(domain, "clean", memory=True)
    assert BACKEND.state(domain) is DomainState.RUNNING


def test_one_that_is_off_can_be_asked_nothing(domain: Domain) -> None:
    BACKEND.power_off(domain)
    running = BACKEND.running(domain)
    for attempt in (
        running.inspect,
        lambda: running.send_keys([1], 1),
        lambda: running.set_password("x", ""),
        lambda: running.monitor("query-status", {}),
        lambda: running.watch(print).__enter__(),
    ):
        with pytest.raises(StateError, match="is not running"):
            attempt()


def test_what_happens_is_told_as_it_happens(domain: Domain) -> None:
    recording = Recording()
    with BACKEND.running(domain).watch(recording.add):
        BACKEND.power_off(domain)
        recording.wait_for("lifecycle stopped", 20)
        BACKEND.start(domain)
        recording.wait_for("lifecycle started", 20)
        with_connection(lambda one: one.lookupByName(domain.name).suspend(), URI)
        recording.wait_for("lifecycle suspended paused", 20)
    assert recording.names() == ["lifecycle"] * 3
    # The watch is over.
    BACKEND.power_off(domain)
    assert recording.names() == ["lifecycle"] * 3


def test_many_watch_at_once_and_each_is_told(domain: Domain) -> None:
    recordings = [Recording() for _ in range(4)]
    ready = threading.Barrier(5)

    def work(recording: Recording) -> None:
        with BACKEND.running(domain).watch(recording.add):
            ready.wait(20)
            recording.wait_for("lifecycle stopped", 20)

    threads = [threading.Thread(target=work, args=(one,)) for one in recordings]
    for thread in threads:
        thread.start()
    ready.wait(20)
    BACKEND.power_off(domain)
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def test_another_domains_events_are_not_told(domain: Domain) -> None:
    told: list[DomainEvent] = []
    with BACKEND.running(domain).watch(told.append):
        with_connection(lambda one: one.lookupByName("test").suspend(), URI)
        with_connection(lambda one: one.lookupByName("test").resume(), URI)
        BACKEND.power_off(domain)
    assert [one.detail for one in told if "stopped" not in one.detail] == []


def test_a_hypervisor_that_cannot_be_reached_is_named(domain: Domain, tmp_path: Path) -> None:
    gone = replace(domain, hypervisor=f"qemu+unix:///session?socket={tmp_path}/gone")
    with (
        pytest.raises(HostError, match="is on another hypervisor"),
        BACKEND.running(gone).watch(print),
    ):
        pass
