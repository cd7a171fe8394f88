"""A freeze is never left by an error of ours: a guest whose file systems stay frozen is hung."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from agent_stand_in import BackendStandIn, probe_with

from charly_vm.errors import GuestError
from charly_vm.probe.libvirt.guest import GuestAgent


class FileSystemsStandIn:
    """A guest with two file systems. `failing` is raised by a command, behind what it does."""

    def __init__(self, **failing: BaseException) -> None:
        self.failing = {name.replace("_", "-"): error for name, error in failing.items()}
        self.frozen = False

    def __call__(self, command: str, arguments: Mapping[str, object]) -> Any:
        match command:
            case "guest-fsfreeze-freeze":
                self.frozen = True
            case "guest-fsfreeze-thaw":
                self.frozen = False
        if command in self.failing:
            raise self.failing.pop(command)
        return ("frozen" if self.frozen else "thawed") if command.endswith("status") else 2


def guest_of(play: Any) -> GuestAgent:
    return probe_with(BackendStandIn(play)).guest


def test_what_is_frozen_stays_so_until_it_is_thawed() -> None:
    systems = FileSystemsStandIn()
    guest = guest_of(systems)
    state = guest.fsfreeze("freeze")
    assert (state.status, state.file_systems) == ("frozen", 2)
    assert guest.fsfreeze("status").status == "frozen"
    assert systems.frozen
    assert guest.fsfreeze("thaw").status == "thawed"
    assert not systems.frozen


@pytest.mark.parametrize(
    "error", [GuestError("it is silent"), KeyboardInterrupt(), OSError(), TimeoutError()]
)
def test_an_interrupted_freeze_is_thawed(error: BaseException) -> None:
    systems = FileSystemsStandIn(guest_fsfreeze_freeze=error)
    with pytest.raises(type(error)):
        guest_of(systems).fsfreeze("freeze")
    assert not systems.frozen


def test_an_odd_answer_to_a_freeze_is_an_error_and_thawed() -> None:
    systems = FileSystemsStandIn()

    def play(command: str, arguments: Mapping[str, object]) -> Any:
        answer = systems(command, arguments)
        return "many" if command == "guest-fsfreeze-freeze" else answer

    with pytest.raises(GuestError, match="odd"):
        guest_of(play).fsfreeze("freeze")
    assert not systems.frozen


def test_somebody_elses_freeze_is_not_undone() -> None:
    systems = FileSystemsStandIn()
    systems.frozen = True
    with pytest.raises(GuestError, match="frozen already"):
        guest_of(systems).fsfreeze("freeze")
    with pytest.raises(GuestError, match="frozen already"), guest_of(systems).frozen():
        pass
    assert systems.frozen


@pytest.mark.parametrize("error", [ValueError("a test failed"), KeyboardInterrupt()])
def test_the_block_thaws_however_it_ends(error: BaseException) -> None:
    systems = FileSystemsStandIn()
    guest = guest_of(systems)
    with guest.frozen():
        assert systems.frozen
    assert not systems.frozen
    with pytest.raises(type(error)), guest.frozen():
        raise error
    assert not systems.frozen


def test_a_thaw_that_is_interrupted_is_tried_once_more() -> None:
    systems = FileSystemsStandIn()
    backend = BackendStandIn(systems)
    at_rest = probe_with(backend).guest.frozen()
    at_rest.__enter__()
    systems.failing["guest-fsfreeze-thaw"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        at_rest.__exit__(None, None, None)
    assert backend.asked[-2:] == ["guest-fsfreeze-thaw"] * 2


def test_where_thawing_fails_as_well_the_error_says_so() -> None:
    class Mute(FileSystemsStandIn):
        def __call__(self, command: str, arguments: Mapping[str, object]) -> Any:
            if command.endswith("thaw"):
                raise GuestError("it is silent")
            return super().__call__(command, arguments)

    with pytest.raises(GuestError, match="the agent died") as caught:
        guest_of(Mute(guest_fsfreeze_freeze=GuestError("the agent died"))).fsfreeze("freeze")
    assert "may still be frozen: it is silent" in str(caught.value)
    assert "guest/fsfreeze thaw" in caught.value.hint
    with pytest.raises(KeyboardInterrupt) as interrupted:
        guest_of(Mute(guest_fsfreeze_freeze=KeyboardInterrupt())).fsfreeze("freeze")
    assert "may still be frozen" in interrupted.value.__notes__[0]
