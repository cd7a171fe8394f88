"""Holders that give way: stopped for a claimant, and running again whatever becomes of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from claimer import PATIENCE, Claimer, environment
from watched import Watched
from yard import Yard, YardHolder

import charly_vm.arbiter.preemption as preemption_module
import charly_vm.arbiter.view as view_module
import charly_vm.arbiter.waiting as waiting_module
import charly_vm.host.boot as boot_module
from charly_vm.arbiter.claiming import Arbiter
from charly_vm.arbiter.inhibition import inhibit
from charly_vm.arbiter.ledger import Ledger
from charly_vm.arbiter.liveness import is_alive
from charly_vm.arbiter.records import Claimant, StopState
from charly_vm.arbiter.wish import Wish, make_wish
from charly_vm.errors import ClaimUnavailable

pytestmark = pytest.mark.slow

GPU = make_wish(["gpu"])
SHARED = make_wish(shared=["gpu"])
ME = Claimant("me", "me", os.getuid(), os.getpid())
Another = Callable[..., Claimer]


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path / "yard")


@pytest.fixture
def watched() -> Watched:
    return Watched()


@pytest.fixture
def arbiter(ledger: Ledger, yard: Yard, watched: Watched) -> Arbiter:
    return Arbiter(ledger, yard, capacity={"ram": 8}, progress=watched)


def states(ledger: Ledger) -> dict[str, StopState]:
    return {record.name: record.state for record in ledger.peek_stopped()}


def test_it_is_stopped_before_the_grant_and_started_after_the_end(
    arbiter: Arbiter, yard: Yard, watched: Watched
) -> None:
    yard.add("station", GPU)
    yard.add("other", make_wish(["dongle"]))
    with arbiter.claim(GPU, ME):
        assert yard.down() == ["station"]
        assert states(arbiter.ledger) == {"station": StopState.STOPPED}
    assert yard.log() == ["stop station", "start station"]
    assert not arbiter.ledger.peek_stopped()
    assert "station gave way, and is started again after me" in watched.notes
    assert "station runs again" in watched.notes


def test_it_is_on_record_before_anything_is_done_to_it(
    arbiter: Arbiter, yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[object] = []

    def stop(holder: YardHolder, seconds: float) -> bool:
        (record,) = arbiter.ledger.peek_stopped()
        found.append((record.state, record.name, record.claims, dict(record.found_by)))
        found.append(arbiter.ledger.is_changing(holder.key))
        return True

    monkeypatch.setattr(YardHolder, "stop", stop)
    holder = yard.add("station", GPU)
    with arbiter.claim(GPU, ME) as lease:
        pass
    assert found == [(StopState.ASKED, "station", (lease.id,), holder.found_by), True]


def test_one_that_is_down_already_is_left_down(arbiter: Arbiter, yard: Yard) -> None:
    yard.add("station", GPU).unset("up")
    with arbiter.claim(GPU, ME):
        assert not arbiter.ledger.peek_stopped()
    assert yard.log() == []


def test_a_claim_that_fails_brings_it_back_as_well(arbiter: Arbiter, yard: Yard) -> None:
    yard.add("station", GPU)
    with pytest.raises(ZeroDivisionError), arbiter.claim(GPU, ME):
        raise ZeroDivisionError
    assert yard.down() == []


def test_several_are_stopped_and_started_one_after_the_other(arbiter: Arbiter, yard: Yard) -> None:
    for name in ("a", "b", "c"):
        yard.add(name, SHARED)
    with arbiter.claim(GPU, ME):
        assert yard.log() == ["stop a", "stop b", "stop c"]
    assert yard.log()[3:] == ["start a", "start b", "start c"]


def test_the_next_in_line_has_it_before_the_holder_is_back(
    arbiter: Arbiter, yard: Yard, another: Another
) -> None:
    """A station is not started to be stopped again at once."""
    yard.add("station", GPU)
    other = another(yard=yard.directory)
    with arbiter.claim(GPU, ME):
        other.wait("gpu")
    other.expect("granted")
    assert yard.log() == ["stop station"]
    other.release()
    assert yard.log() == ["stop station", "start station"]


def test_one_who_shares_waits_until_the_holder_has_stopped(
    arbiter: Arbiter, yard: Yard, another: Another
) -> None:
    yard.add("station", GPU)
    other = another(yard=yard.directory)
    with arbiter.claim(SHARED, ME):
        other.have(shared=["gpu"])
    assert yard.down() == ["station"]
    other.release()
    assert yard.down() == []


def test_as_few_as_needed_are_stopped_for_an_amount(arbiter: Arbiter, yard: Yard) -> None:
    for name, amount in (("large", 4), ("middle", 2), ("small", 1)):
        yard.add(name, make_wish(amounts={"ram": amount}))
    with arbiter.claim(make_wish(amounts={"ram": 5}), ME):
        assert yard.down() == ["large"]
    assert yard.down() == []


def test_where_one_does_not_stop_everything_is_undone(
    arbiter: Arbiter, yard: Yard, watched: Watched
) -> None:
    yard.add("a-first", SHARED)
    yard.add("b-stuck", SHARED).set("stuck")
    yard.add("c-last", SHARED)
    with pytest.raises(ClaimUnavailable) as raised:
        arbiter.claim(GPU, ME)
    message = raised.value.message
    assert "b-stuck, which has it, does not give way: it did not stop within 0 s" in message
    assert raised.value.holder == "b-stuck"
    assert "grace" in raised.value.hint
    assert yard.log() == ["stop a-first", "stop b-stuck", "start a-first"]
    assert not arbiter.ledger.peek().claims
    # It was asked, and may go down yet.
    assert states(arbiter.ledger) == {"b-stuck": StopState.ASKED}


def test_one_that_goes_down_after_its_time_comes_back(arbiter: Arbiter, yard: Yard) -> None:
    stuck = yard.add("station", GPU)
    stuck.set("stuck")
    with pytest.raises(ClaimUnavailable):
        arbiter.claim(GPU, ME)
    stuck.unset("up")
    assert arbiter.restore() == ["station runs again"]
    assert yard.down() == []
    assert not arbiter.ledger.peek_stopped()


def test_one_that_did_not_go_down_after_all_is_forgotten(
    arbiter: Arbiter, yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view_module, "SETTLE_SECONDS", 0.0)
    yard.add("station", GPU).set("stuck")
    with pytest.raises(ClaimUnavailable):
        arbiter.claim(GPU, ME)
    assert arbiter.restore(wait=True) == []
    assert not arbiter.ledger.peek_stopped()


def test_how_long_it_may_take_counts_from_when_it_is_asked(
    arbiter: Arbiter, yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others that were stopped before it may have taken longer than that."""
    listed: dict[str, float] = {}
    asked: dict[str, float] = {}

    def stop(holder: YardHolder, seconds: float) -> bool:
        for record in arbiter.ledger.peek_stopped():
            times = asked if record.state is StopState.ASKED else listed
            times.setdefault(record.name, record.since)
        return True

    monkeypatch.setattr(YardHolder, "stop", stop)
    yard.add("a", SHARED)
    yard.add("b", SHARED)
    with arbiter.claim(GPU, ME):
        assert asked["b"] > listed["b"]


@pytest.mark.parametrize("success", [True, False])
def test_one_may_stay_down_after_a_failure(arbiter: Arbiter, yard: Yard, success: bool) -> None:
    yard.add("station", GPU, on_success=True)
    arbiter.claim(GPU, ME).release(success=success)
    assert yard.down() == ([] if success else ["station"])
    with arbiter.claim(GPU, ME, timeout=0):
        pass
    assert yard.down() == ([] if success else ["station"])


@pytest.mark.parametrize("whom", ["", "me"])
def test_one_that_stays_down_comes_back_when_it_is_forgiven(
    arbiter: Arbiter, yard: Yard, whom: str
) -> None:
    yard.add("station", GPU, on_success=True)
    arbiter.claim(GPU, ME).release(success=False)
    arbiter.forgive("somebody else")
    assert arbiter.restore() == []
    arbiter.forgive(whom)
    assert arbiter.restore() == ["station runs again"]


def test_one_that_was_started_by_hand_is_left_alone_and_told_of(
    arbiter: Arbiter, yard: Yard, watched: Watched
) -> None:
    holder = yard.add("station", GPU)
    with arbiter.claim(GPU, ME):
        holder.set("up")
        with arbiter.claim(make_wish(["dongle"]), ME):
            pass
    assert "station runs again: somebody has started it by hand" in watched.notes
    assert yard.log() == ["stop station"]
    assert not arbiter.ledger.peek_stopped()
    assert yard.down() == []


def test_one_that_was_destroyed_is_forgotten_and_told_of(arbiter: Arbiter, yard: Yard) -> None:
    yard.add("station", GPU)
    with arbiter.claim(GPU, ME):
        yard.destroy("station")
        assert arbiter.restore() == ["station is no longer there, and is not started"]
    assert not arbiter.ledger.peek_stopped()


def test_one_whose_record_cannot_be_read_is_told_of_and_its_record_kept(
    arbiter: Arbiter, yard: Yard, watched: Watched
) -> None:
    yard.add("station", GPU)
    key = yard.find_holders({"gpu"})[0].key
    lease = arbiter.claim(GPU, ME)
    file = arbiter.ledger.stopped_file(key)
    torn = file.read_bytes()[:50]
    file.write_bytes(torn)
    lease.release()
    assert any(note.startswith(f"the record of {key}, which gave way,") for note in watched.notes)
    assert not file.exists()
    assert arbiter.ledger.find_damaged() == [f"stopped-{key}.json"]
    assert (arbiter.ledger.directory / "damaged" / f"stopped-{key}.json").read_bytes() == torn
    # It is neither started nor in anybody's way.
    assert yard.log() == ["stop station"]
    with arbiter.claim(GPU, ME, timeout=0):
        pass


def test_what_only_a_newer_charly_understands_of_a_holder_is_left_to_that(
    arbiter: Arbiter, yard: Yard
) -> None:
    with arbiter.ledger.open():
        pass
    file = arbiter.ledger.stopped_file("1000-station")
    file.write_text('{"format": 99, "holder": "station"}\n')
    before = file.stat().st_ino
    with arbiter.claim(GPU, ME, timeout=0):
        assert arbiter.restore() == []
    assert file.stat().st_ino == before
    assert arbiter.ledger.find_damaged() == []


def test_a_start_that_fails_is_tried_again_later_and_keeps_nobody_waiting(
    arbiter: Arbiter, yard: Yard, watched: Watched
) -> None:
    holder = yard.add("station", GPU)
    holder.set("broken")
    arbiter.claim(GPU, ME).release()
    (record,) = arbiter.ledger.peek_stopped()
    assert (record.problem, record.tries) == ("station is broken", 1)
    assert record.not_before > record.since
    assert any("cannot be started again: station is broken" in note for note in watched.notes)
    with arbiter.claim(GPU, ME, timeout=0):
        pass
    assert arbiter.restore(wait=True) == []
    holder.unset("broken")
    arbiter.forgive()
    assert arbiter.restore() == ["station runs again"]


def test_it_is_tried_again_by_itself_after_longer_and_longer_pauses(
    arbiter: Arbiter, yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preemption_module, "RETRY_SECONDS", -1.0)
    monkeypatch.setattr(preemption_module, "RETRY_AT_MOST", 1000.0)
    holder = yard.add("station", GPU)
    holder.set("broken")
    tries: list[int] = []

    def start(holder: YardHolder) -> None:
        tries.extend(record.tries for record in arbiter.ledger.peek_stopped())
        if len(tries) < 4:
            raise ClaimUnavailable("broken", holder="")
        holder.set("up")

    monkeypatch.setattr(YardHolder, "start", start)
    arbiter.claim(GPU, ME).release()
    assert tries == [0, 1, 2, 3]
    assert yard.down() == []


def test_one_whose_owner_is_at_work_is_waited_for_and_named(arbiter: Arbiter, yard: Yard) -> None:
    yard.add("station", GPU).set("busy", "somebody plays")
    with pytest.raises(
        ClaimUnavailable,
        match="gpu is held by station, which does not give way: somebody plays",
    ):
        arbiter.claim(GPU, ME, timeout=0)
    assert yard.log() == []


def test_an_account_whose_owner_is_at_work_has_nobody_give_way(
    arbiter: Arbiter, yard: Yard
) -> None:
    yard.add("station", GPU)
    inhibit(arbiter.ledger, arbiter.uid, 1000)
    with pytest.raises(ClaimUnavailable, match=r"its owner is at work until \d\d:\d\d"):
        arbiter.claim(GPU, ME, timeout=0)


def test_a_claim_whose_own_machine_gives_way_does_not_stop_it(
    arbiter: Arbiter, yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = yard.add("vm", GPU)
    found = {**holder.found_by, "domain": "vm"}
    monkeypatch.setattr(YardHolder, "found_by", found)
    arbiter.claim(GPU, ME, domain="vm").release()
    assert yard.log() == []


def test_a_killed_claimants_holders_are_brought_back_by_the_next_user(
    arbiter: Arbiter, yard: Yard, another: Another, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where this host has been booted anew meanwhile."""
    yard.add("station", GPU)
    yard.add("display", GPU)
    other = another(yard=yard.directory)
    other.have("gpu")
    other.kill()
    assert yard.down() == ["display", "station"]
    for module in (boot_module, waiting_module):
        monkeypatch.setattr(module, "boot_id", lambda: "another boot")
    assert len(arbiter.restore()) == 2
    assert yard.down() == []


def test_one_who_waits_brings_back_what_a_killed_claimant_had_stopped(
    arbiter: Arbiter, yard: Yard, another: Another
) -> None:
    yard.add("station", GPU)
    first, second = another("first", yard=yard.directory), another("second", yard=yard.directory)
    first.have("gpu")
    second.wait("gpu")
    first.kill()
    second.expect("granted")
    second.release()
    assert yard.down() == []


def test_whoever_only_asks_about_a_holder_keeps_nobody_from_it(
    arbiter: Arbiter, yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`preempt status` has the lock for an instant; here somebody has it all the time at first."""
    holder = yard.add("station", GPU)
    lock = arbiter.ledger.directory / "stopped" / f"{holder.key}.lock"
    with arbiter.claim(GPU, ME):
        assert not is_alive(lock)
    asking = subprocess.Popen(
        [
            *(sys.executable, "-c"),
            "import fcntl, sys, time\n"
            "stream = open(sys.argv[1])\n"
            "fcntl.flock(stream, fcntl.LOCK_SH)\n"
            "print('asks', flush=True)\n"
            "sys.stdin.readline()\n",
            str(lock),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert asking.stdin
    assert asking.stdout
    assert asking.stdout.readline() == "asks\n"
    is_free = Ledger.is_changing

    def let_go(ledger: Ledger, key: str) -> bool:
        answer = is_free(ledger, key)
        if asking.stdin and not asking.stdin.closed:
            asking.stdin.close()
        return answer

    monkeypatch.setattr(Ledger, "is_changing", let_go)
    with arbiter.claim(GPU, ME, timeout=PATIENCE):
        assert yard.down() == ["station"]
    asking.wait(PATIENCE)
    asking.stdout.close()


@dataclass(frozen=True)
class Late(YardHolder):
    """Something happens just after it was looked at."""

    afterwards: list[Callable[[], object]] = field(default_factory=list)

    def is_running(self) -> bool:
        answer = super().is_running()
        while self.afterwards:
            self.afterwards.pop()()
        return answer


@dataclass(frozen=True)
class LateYard(Yard):
    afterwards: list[Callable[[], object]] = field(default_factory=list)

    def get(self, name: str) -> YardHolder:
        one = super().get(name)
        if name == "late":
            terms: tuple[str, Wish, float, bool] = (name, one.wish, one.grace, one.on_success)
            return Late(self.directory, *terms, self.afterwards)
        return one


def test_a_holder_that_is_stopped_for_another_after_the_look_stays_on_record(
    arbiter: Arbiter, yard: Yard, another: Another
) -> None:
    """Whoever has seen it run, and now sees it on record, must not take it for one that was started
    by hand: it would never come back."""
    yard.add("late", make_wish(["gpu"], ["bus"]))
    other = another(yard=yard.directory)
    late = Arbiter(
        arbiter.ledger, LateYard(yard.directory, [lambda: other.have("gpu")]), progress=Watched()
    )
    with late.claim(make_wish(shared=["bus"]), ME, timeout=PATIENCE):
        assert [record.name for record in arbiter.ledger.peek_stopped()] == ["late"]
    assert yard.down() == ["late"]
    other.release()
    assert yard.down() == []


def test_a_holder_that_comes_back_after_the_look_is_seen(
    arbiter: Arbiter, yard: Yard, another: Another
) -> None:
    yard.add("late", GPU)
    other = another(yard=yard.directory)
    other.have("gpu")
    late = Arbiter(arbiter.ledger, LateYard(yard.directory, [other.release]), progress=Watched())
    with late.claim(GPU, ME, timeout=PATIENCE):
        assert yard.down() == ["late"]
    assert yard.down() == []


def test_a_holder_whose_starter_was_killed_after_the_look_is_seen(
    arbiter: Arbiter, yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is up then, and its record still says that it is down."""
    yard.add("station", GPU)
    key = yard.find_holders({"gpu"})[0].key
    with arbiter.claim(GPU, ME):
        record = arbiter.ledger.stopped_file(key).read_text()
    arbiter.ledger.stopped_file(key).write_text(record)
    yard.get("station").unset("up")
    lock = arbiter.ledger.directory / f"stopped/{key}.lock"
    look, looks = arbiter.observe, []

    def observe(*words: object, **more: object) -> object:
        seen = look(*words, **more)  # type: ignore[arg-type]
        looks.append(seen)
        if len(looks) == 1:
            before = lock.stat()
            with ExitStack() as killed:
                assert arbiter.ledger.hold_stopped(key, killed)
                yard.get("station").set("up")
            # Files' times are the same within a tick of the kernel's clock.
            os.utime(lock, ns=(before.st_atime_ns, before.st_mtime_ns))
        return seen

    monkeypatch.setattr(arbiter, "observe", observe)
    with arbiter.claim(SHARED, ME, timeout=0):
        assert yard.down() == ["station"]
    assert yard.down() == []


def test_a_holder_that_is_stopped_while_others_are_restored_is_not_forgotten(
    arbiter: Arbiter, yard: Yard, another: Another
) -> None:
    yard.add("late", GPU)
    yard.add("other", make_wish(["dongle"]))
    first, second = another("a", yard=yard.directory), another("b", yard=yard.directory)
    first.have("gpu")
    first.kill()
    late = Arbiter(
        arbiter.ledger,
        LateYard(yard.directory, [lambda: second.have("dongle")]),
        progress=Watched(),
    )
    assert late.restore() == ["late runs again"]
    assert states(arbiter.ledger) == {"other": StopState.STOPPED}
    second.release()
    assert yard.down() == []


@pytest.mark.parametrize("how", ["success", "failure", "line", "undone"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_claimant_may_be_killed_at_every_change(tmp_path: Path, how: str, when: str) -> None:
    """Afterwards the next user finds everything free, and every holder running."""
    program = Path(__file__).with_name("cut_short.py")
    done = subprocess.run(
        [sys.executable, program, tmp_path / "cuts", how, when],
        env=environment(),
        text=True,
        capture_output=True,
        timeout=10 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["wrong"] == []
    assert told["cuts"] > 3
