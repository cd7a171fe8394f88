"""Locks that tell whether the owner of a claim lives: who has them, and who has not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from claimer import PATIENCE, Claimer, environment

from charly_vm.arbiter.claiming import Arbiter
from charly_vm.arbiter.liveness import Liveness, is_alive
from charly_vm.arbiter.records import Claimant
from charly_vm.arbiter.wish import make_wish
from charly_vm.errors import LeaseUnavailable
from charly_vm.host.waiting import Deadline, NotYet, wait_for

GPU = make_wish(["gpu"])
ME = Claimant("me", "me", os.getuid(), os.getpid())


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "x.lock"


def await_end(lock: Path) -> None:
    wait_for("the lock to be dropped", lambda: not is_alive(lock) or NotYet(), Deadline(PATIENCE))


def end(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def test_it_lives_until_it_is_closed(lock: Path) -> None:
    assert not is_alive(lock)
    assert not lock.exists()
    with Liveness(lock) as alive:
        assert is_alive(lock)
        assert alive.is_open
    assert not is_alive(lock)
    alive.close()


def test_a_name_is_never_used_twice(lock: Path) -> None:
    with Liveness(lock), pytest.raises(FileExistsError):
        Liveness(lock)


def test_kill_9_ends_it(another: Callable[..., Claimer], arbiter: Arbiter) -> None:
    other = another()
    other.have("gpu")
    (claim,) = arbiter.ledger.peek().claims
    assert arbiter.ledger.lives(claim)
    other.kill()
    await_end(arbiter.ledger.claim_lock(claim))


@pytest.mark.parametrize("kind", ["fork", "child"])
def test_what_the_owner_has_started_does_not_keep_it(
    another: Callable[..., Claimer], arbiter: Arbiter, kind: str
) -> None:
    other = another()
    other.have("gpu")
    other.send(kind, keeps=False, releases=False)
    child = int(other.expect("child"))
    try:
        other.kill()
        with arbiter.claim(GPU, ME, timeout=PATIENCE):
            os.kill(child, 0)
    finally:
        end(child)


def test_a_child_that_was_given_it_keeps_it(
    another: Callable[..., Claimer], arbiter: Arbiter
) -> None:
    other = another()
    other.have("gpu")
    (claim,) = arbiter.ledger.peek().claims
    other.send("child", keeps=True)
    child = int(other.expect("child"))
    try:
        other.kill()
        with pytest.raises(LeaseUnavailable, match="gpu is held exclusively by other"):
            arbiter.claim(GPU, ME, timeout=0)
        assert arbiter.ledger.lives(claim)
    finally:
        end(child)
    with arbiter.claim(GPU, ME, timeout=PATIENCE):
        pass


def test_a_forked_child_that_leaves_the_block_does_not_end_its_parents_claim(
    another: Callable[..., Claimer], arbiter: Arbiter
) -> None:
    other = another()
    other.have("gpu")
    other.send("fork", releases=True)
    other.expect("done")
    (claim,) = arbiter.ledger.peek().claims
    assert arbiter.ledger.lives(claim)
    other.release()
    assert not arbiter.ledger.peek().claims


def test_a_killed_charly_claim_frees_nothing_that_its_command_still_uses(tmp_path: Path) -> None:
    place = {f"XDG_{kind}_HOME": str(tmp_path / kind) for kind in ("DATA", "STATE", "CONFIG")}
    pid = tmp_path / "pid"
    script = f"echo $$ >{pid}.new; mv {pid}.new {pid}; exec sleep 600"
    wrapper = subprocess.Popen(
        [
            *(sys.executable, "-c", "from charly_vm.cli import main; main()", "claim", "gpu"),
            *("--", "sh", "-c", script),
        ],
        cwd=tmp_path,
        env={**environment(), **place},
    )
    try:
        wait_for("the command", lambda: pid.exists() or NotYet(), Deadline(PATIENCE))
        wrapper.kill()
        wrapper.wait(PATIENCE)
        (lock,) = (tmp_path / "STATE/charly/leases/claims").glob("*.lock")
        assert is_alive(lock)
    finally:
        wrapper.kill()
        if pid.exists():
            end(int(pid.read_text()))
    await_end(lock)
