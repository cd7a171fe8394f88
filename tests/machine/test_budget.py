"""The host's CPUs and RAM among beds: never more than there is, and nothing lost with the dead."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from charly_vm.errors import LeaseUnavailable
from charly_vm.machine import budget
from charly_vm.machine.budget import RAM_PIECE, hold_share, host_pieces, wanted_pieces

GIB = 1024**3


@pytest.fixture(autouse=True)
def small_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(budget, "host_pieces", lambda: {"cpu": 4, "ram": 2 * GIB // RAM_PIECE})


def test_this_host_has_at_least_one_of_each() -> None:
    assert all(count > 0 for count in host_pieces().values())


def test_a_machine_takes_whole_pieces_and_never_more_than_there_is() -> None:
    host = {"cpu": 4, "ram": 8}
    assert wanted_pieces(2, RAM_PIECE + 1, host) == {"cpu": 2, "ram": 2}
    assert wanted_pieces(99, 99 * GIB, host) == host


def fits(cpus: int, ram: int) -> bool:
    try:
        with hold_share("x", cpus=cpus, ram=ram, timeout=0):
            return True
    except LeaseUnavailable:
        return False


def test_beds_fit_until_one_of_the_two_runs_out() -> None:
    with hold_share("a", cpus=2, ram=GIB, timeout=0):
        assert not fits(3, GIB // 2)
        assert not fits(1, 2 * GIB)
        # What did not fit has left nothing behind.
        assert fits(2, GIB)
    assert fits(4, 2 * GIB)


def test_one_that_is_larger_than_the_host_runs_alone() -> None:
    with hold_share("small", cpus=1, ram=1, timeout=0):
        assert not fits(64, 64 * GIB)
    assert fits(64, 64 * GIB)


def test_what_does_not_fit_says_what_was_wanted() -> None:
    with (
        hold_share("a", cpus=4, ram=GIB, timeout=0),
        pytest.raises(LeaseUnavailable, match="no room for b: 3 CPUs and 512M for 0 s"),
        hold_share("b", cpus=3, ram=GIB // 2, timeout=0),
    ):
        pass


HOLDER = """\
import os, sys
from charly_vm.machine import budget
budget.host_pieces = lambda: {"cpu": 4, "ram": 8}
with budget.hold_share("other", cpus=4, ram=1, timeout=0):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_what_another_process_holds_comes_back_when_it_is_killed() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdin
    assert child.stdout
    with child, child.stdin:
        assert child.stdout.readline() == b"held\n"
        with pytest.raises(LeaseUnavailable), hold_share("mine", cpus=1, ram=1, timeout=0):
            pass
        os.kill(child.pid, 9)
        with hold_share("mine", cpus=4, ram=1, timeout=20):
            pass
