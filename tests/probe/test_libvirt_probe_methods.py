"""The probe as it is called by name, and by a test. The backend is a stand-in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from agent_stand_in import BackendStandIn, SnapshotShelfStandIn, answer_as_recorded, probe_with

from charly_vm.errors import GuestError, SpecError, StateError
from charly_vm.model.live import DomainEvent, Inspection, LiveGraphics
from charly_vm.model.protocols import Domain, DomainState

VNC = LiveGraphics("vnc", "127.0.0.1", 5900, has_password=True)


class RunningStandIn:
    """A running domain that keeps what it is told."""

    def __init__(self) -> None:
        self.pressed: list[tuple[tuple[int, ...], int]] = []

    def inspect(self) -> Inspection:
        return Inspection(4, 2 * 1024**3, (VNC,), 12.5)

    def send_keys(self, codes: Sequence[int], hold: int) -> None:
        self.pressed.append((tuple(codes), hold))

    def set_password(self, password: str, kind: str) -> str:
        return kind or "vnc"

    def monitor(self, command: str, arguments: Mapping[str, object]) -> Any:
        return {"command": command, **arguments}

    @contextmanager
    def watch(self, tell: Callable[[DomainEvent], None]) -> Iterator[None]:
        later = threading.Timer(0.05, lambda: tell(DomainEvent(1.0, "reboot", "")))
        later.start()
        yield
        later.join()


class MachineStandIn(BackendStandIn):
    """With a state and what runs."""

    def __init__(self, state: DomainState = DomainState.RUNNING) -> None:
        super().__init__(answer_as_recorded)
        self._state = state
        self.domain = RunningStandIn()

    def state(self, domain: Domain) -> DomainState:
        return self._state

    def running(self, domain: Domain) -> RunningStandIn:
        return self.domain


def test_info_of_a_running_machine_is_what_is_seen_and_of_one_that_is_off_what_was_made() -> None:
    info = probe_with(MachineStandIn()).info()
    assert (info.state, info.backend, info.vcpus, info.uptime) == ("running", "qemu", 4, 12.5)
    assert info.graphics == (VNC,)
    assert info.guest_agent
    off = probe_with(MachineStandIn(DomainState.SHUT_OFF)).info()
    assert (off.state, off.vcpus, off.memory) == ("shut off", 2, 1024**3)
    assert (off.graphics, off.uptime, off.guest_agent) == ((), None, False)


def test_info_of_a_machine_without_an_agent_says_so() -> None:
    backend = MachineStandIn()

    def refuse(command: str, arguments: Mapping[str, object]) -> Any:
        raise GuestError("it is silent")

    backend.play = refuse
    assert not probe_with(backend).info().guest_agent


def test_chords_are_pressed_one_after_the_other() -> None:
    backend = MachineStandIn()
    probe_with(backend).send_key(["ctrl-c", "a"], hold=1)
    probe_with(backend).send_key("ctrl-alt-f2")
    assert backend.domain.pressed == [((29, 46), 1), ((30,), 1), ((29, 56, 60), 50)]


@pytest.mark.parametrize(
    ("keys", "hold"),
    [(["a", "ctlr"], 1), ([], 1), ("a", -1), ("a", 10**6), ("-".join("abcdefghijklmnopq"), 1)],
)
def test_nothing_is_pressed_where_something_cannot_be_meant(keys: Any, hold: int) -> None:
    backend = MachineStandIn()
    with pytest.raises(SpecError):
        probe_with(backend).send_key(keys, hold)
    assert backend.domain.pressed == []


def test_events_end_early_with_the_one_that_is_awaited() -> None:
    assert [one.event for one in probe_with(MachineStandIn()).events(20, "reboot")] == ["reboot"]


def test_what_is_recorded_stays_when_the_block_is_over() -> None:
    with probe_with(MachineStandIn()).watching() as events:
        events.wait_for("reboot", 20)
    assert events.names() == ["reboot"]


def test_the_console_has_at_least_a_line() -> None:
    probe = probe_with(MachineStandIn())
    assert probe.console(2) == "0\n1"
    with pytest.raises(SpecError, match="not 0"):
        probe.console(0)


def test_a_screen_has_a_number() -> None:
    with pytest.raises(SpecError, match="-1 is none"):
        probe_with(MachineStandIn()).screenshot(-1)


def test_snapshots_are_the_machines_own() -> None:
    shelf = SnapshotShelfStandIn()
    probe = probe_with(MachineStandIn(), shelf)
    assert probe.snapshot.create("clean").current
    assert [one.name for one in probe.snapshot.list()] == ["clean"]
    assert probe.snapshot.info("clean") == probe.snapshot.revert("clean")
    with pytest.raises(StateError, match="did you mean 'clean'"):
        probe.snapshot.info("claen")
    probe.snapshot.delete("clean")
    assert shelf.names == []
