"""A running machine on the qemu backend, with a real QEMU and no guest: what it has, what it is
told, and its events."""

from __future__ import annotations

import json
import logging
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from machines_off import domain_of, make_machine

from charly_vm.backend import qemu_watch
from charly_vm.backend.emulator_age import find_age
from charly_vm.backend.emulator_process import find_emulator
from charly_vm.backend.qemu import QemuBackend
from charly_vm.backend.qmp import CommandRefused
from charly_vm.errors import HostError, StateError
from charly_vm.model.live import LiveGraphics
from charly_vm.model.protocols import Domain, DomainState
from charly_vm.probe.libvirt.recording import Recording

BACKEND = QemuBackend()
PASSWORD = "0ld-s3cret"


@pytest.fixture(scope="module")
def domain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Domain]:
    """Running, with a VNC and a SPICE server at sockets, both with a password."""
    # Short: the sockets are below it.
    directory = tmp_path_factory.mktemp("m")
    graphics = [
        {"type": "vnc", "listen": str(directory / "vnc"), "passwd": PASSWORD},
        {"type": "spice", "listen": str(directory / "spice"), "passwd": PASSWORD},
    ]
    machine = make_machine(directory, libvirt={"devices": {"graphics": graphics}})
    BACKEND.define(machine)
    BACKEND.start(domain_of(machine))
    yield domain_of(machine)
    BACKEND.undefine(domain_of(machine))


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Domain]:
    """One that a test may end; without graphics."""
    machine = make_machine(tmp_path)
    BACKEND.define(machine)
    BACKEND.start(domain_of(machine))
    yield domain_of(machine)
    BACKEND.undefine(domain_of(machine))


def test_it_is_looked_at(domain: Domain) -> None:
    seen = BACKEND.running(domain).inspect()
    assert (seen.vcpus, seen.memory) == (1, 64 * 1024**2)
    directory = domain.paths.directory.parent
    assert seen.graphics == (
        LiveGraphics("vnc", socket=str(directory / "vnc"), has_password=True),
        LiveGraphics("spice", socket=str(directory / "spice"), has_password=True),
    )
    assert seen.uptime is not None
    assert 0 <= seen.uptime < 600


def test_its_live_description_has_no_password(domain: Domain) -> None:
    assert PASSWORD not in BACKEND.description(domain, live=True)
    assert PASSWORD in BACKEND.description(domain), "it could not be replayed"


def test_the_age_of_an_emulator_grows_with_the_clock(domain: Domain) -> None:
    before, begun = find_age(domain.uuid), time.monotonic()
    time.sleep(0.3)
    after, passed = find_age(domain.uuid), time.monotonic() - begun
    assert before is not None
    assert after is not None
    assert after - before == pytest.approx(passed, abs=0.1)
    assert find_age("none") is None


def test_its_neighbours_are_the_machines_beside_it(domain: Domain) -> None:
    [one] = BACKEND.neighbours(domain)
    assert (one.name, one.uuid, one.state) == (domain.name, domain.uuid, DomainState.RUNNING)


def test_a_damaged_definition_beside_it_is_passed_over(domain: Domain) -> None:
    other = domain.paths.directory.with_name("damaged")
    other.mkdir()
    (other / "qemu-argv.json").write_text("[")
    assert [one.name for one in BACKEND.neighbours(domain)] == [domain.name]


def test_keys_are_pressed_by_their_codes(domain: Domain) -> None:
    BACKEND.running(domain).send_keys([29, 56, 60], 1)
    with pytest.raises(StateError, match="no key of the code 183"):
        BACKEND.running(domain).send_keys([183], 1)


def test_the_monitor_answers_and_refuses(domain: Domain) -> None:
    running = BACKEND.running(domain)
    assert running.monitor("query-name", {}) == {"name": domain.name}
    assert running.monitor("qom-get", {"path": "/machine", "property": "type"}).startswith("pc-q35")
    with pytest.raises(CommandRefused, match="make-coffee"):
        running.monitor("make-coffee", {})


@pytest.mark.parametrize("kind", ["vnc", "spice"])
def test_a_password_is_changed_and_written_nowhere(
    domain: Domain, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        assert BACKEND.running(domain).set_password("n3wpass", kind) == kind
        with pytest.raises(StateError, match="say which one"):
            BACKEND.running(domain).set_password("n3wpass", "")
    assert "n3wpass" not in caplog.text


def test_a_refused_password_is_in_no_error(own: Domain, tmp_path: Path) -> None:
    with pytest.raises(StateError, match="no VNC or SPICE server"):
        BACKEND.running(own).set_password("n3w-s3cret", "")
    BACKEND.power_off(own)
    file = own.paths.directory / "qemu-argv.json"
    argv = [*json.loads(file.read_text()), "-vnc", f"unix:{tmp_path}/vnc"]
    file.write_text(json.dumps(argv))
    BACKEND.start(own)
    with pytest.raises(StateError, match=r"vnc password of .* cannot be changed") as caught:
        BACKEND.running(own).set_password("n3w-s3cret", "")
    assert "n3w" not in repr(caught.value) + str(caught.value)
    assert caught.value.__context__ is None
    assert "has started with one" in caught.value.hint


def test_only_the_first_screen_can_be_shown(domain: Domain) -> None:
    with pytest.raises(StateError, match="only the first"):
        BACKEND.screenshot(domain, 1)


def test_what_happens_is_told_as_it_happens_and_others_are_served(domain: Domain) -> None:
    recording = Recording()
    with BACKEND.running(domain).watch(recording.add):
        # Over another monitor, which is free.
        BACKEND.running(domain).monitor("stop", {})
        assert recording.wait_for("lifecycle suspended", 20).detail == "suspended paused"
        assert BACKEND.state(domain) is DomainState.PAUSED
        BACKEND.running(domain).monitor("cont", {})
        BACKEND.running(domain).monitor("system_reset", {})
        reboot = recording.wait_for("reboot", 20)
        assert abs(reboot.time - time.time()) < 30
    assert recording.names()[:3] == ["lifecycle", "lifecycle", "reboot"]
    known = len(recording)
    BACKEND.running(domain).monitor("system_reset", {})
    assert len(recording) == known


def test_one_is_watched_by_one_at_a_time(domain: Domain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(qemu_watch, "CONNECT_SECONDS", 0.3)
    first, second = Recording(), Recording()
    with BACKEND.running(domain).watch(first.add):
        with (
            pytest.raises(HostError, match="cannot be watched") as caught,
            BACKEND.running(domain).watch(second.add),
        ):
            pass
        assert "one at a time" in caught.value.hint
    with BACKEND.running(domain).watch(second.add):
        BACKEND.running(domain).monitor("system_reset", {})
        assert second.wait_for("reboot", 20)


@pytest.mark.parametrize(
    ("number", "words"), [(signal.SIGTERM, "stopped destroyed"), (signal.SIGKILL, "stopped failed")]
)
def test_the_end_of_the_emulator_ends_the_watch(
    own: Domain, number: signal.Signals, words: str
) -> None:
    recording = Recording()
    with BACKEND.running(own).watch(recording.add):
        emulator = find_emulator(own.uuid)
        assert emulator is not None
        with emulator:
            os.kill(emulator.pid, number)
        recording.wait_for("disconnected", 20)
    assert [one.detail for one in recording][-2:] == [words, "the emulator has ended"]


def test_one_that_is_off_can_be_asked_nothing(own: Domain) -> None:
    BACKEND.power_off(own)
    running = BACKEND.running(own)
    for attempt in (
        running.inspect,
        lambda: running.send_keys([1], 1),
        lambda: running.set_password("x", ""),
        lambda: running.monitor("query-status", {}),
        lambda: running.watch(print).__enter__(),
    ):
        with pytest.raises(StateError, match="is not running"):
            attempt()


def test_a_machine_of_an_older_charly_starts_and_cannot_be_watched(own: Domain) -> None:
    BACKEND.power_off(own)
    file = own.paths.directory / "qemu-argv.json"
    argv = json.loads(file.read_text())
    at = next(i for i, word in enumerate(argv) if word.startswith("socket,id=charly-events"))
    del argv[at - 1 : at + 3]
    file.write_text(json.dumps(argv))
    own.paths.events_socket.unlink(missing_ok=True)
    BACKEND.start(own)
    with pytest.raises(HostError, match="older charly"), BACKEND.running(own).watch(print):
        pass
    assert BACKEND.state(own) is DomainState.RUNNING
