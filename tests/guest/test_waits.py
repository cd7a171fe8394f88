"""Waiting in a guest: what is good, what may become good, and what never will."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from charly_vm.errors import GuestTimeout
from charly_vm.guest.waits import NeverReady, Waits
from charly_vm.host.process import run


@dataclass(frozen=True)
class Result:
    status: int
    stdout: bytes
    stderr: bytes = b""


class Sequence:
    """Stands in for a guest that says one thing after the other, and stays with the last."""

    def __init__(self, *answers: str | Result) -> None:
        self.answers = list(answers)
        self.looks = 0

    def run(self, command: str, *, timeout: float, stdin: bytes | None = None) -> Result:
        self.looks += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer if isinstance(answer, Result) else Result(0, answer.encode())


class Here:
    """Stands in for a guest: this very host."""

    def run(self, command: str, *, timeout: float, stdin: bytes | None = None) -> Result:
        done = run(["sh", "-c", command], timeout=timeout, check=False)
        return Result(done.status, done.stdout.encode(), done.stderr.encode())


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charly_vm.guest.waits.EVERY", 0.01)


def unit(active: str, *, load: str = "loaded", jobs: int = 0, job: str = "0") -> str:
    return (
        f"{jobs}\nLoadState={load}\nActiveState={active}\nSubState=sub\nJob={job}\n"
        "Result=exit-code\n"
    )


@pytest.mark.parametrize(
    "before", [unit("activating"), unit("inactive", jobs=2), unit("inactive", job="7")]
)
def test_a_unit_that_still_starts_is_waited_for(before: str) -> None:
    guest = Sequence(before, before, unit("active"))
    Waits(guest).for_unit("ssh")
    assert guest.looks == 3


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (unit("failed", jobs=3), "ssh.service has failed \\(exit-code\\)"),
        (unit("inactive", load="not-found", jobs=3), "it is not-found"),
        (unit("inactive", load="masked"), "it is masked"),
        (unit("inactive"), "it is inactive, and nothing starts it"),
    ],
)
def test_a_unit_that_can_never_be_active_ends_the_wait_at_once(answer: str, why: str) -> None:
    guest = Sequence(answer)
    with pytest.raises(NeverReady, match=why):
        Waits(guest).for_unit("ssh", timeout=30)
    assert guest.looks == 1


def test_a_wait_that_runs_out_says_what_was_last_seen() -> None:
    with pytest.raises(GuestTimeout, match=r"ssh\.socket to be active; last seen: activating"):
        Waits(Sequence(unit("activating"))).for_unit("ssh.socket", timeout=0.05)


def test_a_port_has_to_listen_itself() -> None:
    connected = "0: 0100007F:0050 0100007F:1F90 01\n1: 0100007F:1F90 00000000:0050 0A\n"
    listening = "0: 00000000000000000000000000000000:0050 0000:0000 0A 0\n"
    guest = Sequence("", connected, listening)
    Waits(guest).for_port(80)
    assert guest.looks == 3
    with pytest.raises(GuestTimeout, match="port 80 of the guest to listen; last seen: nothing"):
        Waits(Sequence(connected)).for_port(80, timeout=0.05)


def test_a_file_comes_or_never_can(tmp_path: Path) -> None:
    path = tmp_path / "it's" / "there"
    guest = Here()
    with pytest.raises(GuestTimeout, match="to be there; last seen: nothing there"):
        Waits(guest).for_file(str(path), timeout=0.05)
    path.parent.mkdir()
    path.symlink_to("nowhere")
    Waits(guest).for_file(str(path))
    (tmp_path / "file").touch()
    with pytest.raises(NeverReady, match="goes through what is no directory"):
        Waits(guest).for_file(str(tmp_path / "file" / "a" / "b"), timeout=30)


def test_anything_can_be_waited_for_and_comes_back() -> None:
    values = iter(["", "", "ready"])
    waits = Waits(Sequence(""))
    assert waits.until("it", lambda: next(values)) == "ready"
    with pytest.raises(GuestTimeout, match="waited 0 s for it; last seen: 0"):
        waits.until("it", lambda: 0, timeout=0.03)
    with pytest.raises(ZeroDivisionError):
        waits.until("it", lambda: 1 / 0, timeout=30)
