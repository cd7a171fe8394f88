"""Claims between processes: who has their turn when, and what is left when one goes away."""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Callable

import pytest
from claimer import PATIENCE, Claimer

import charly_vm.arbiter.waiting as waiting_module
import charly_vm.arbiter.wakeup as wakeup_module
from charly_vm.arbiter.claiming import Arbiter
from charly_vm.arbiter.ledger import Ledger
from charly_vm.arbiter.records import Claimant, Life
from charly_vm.arbiter.wakeup import Wakeup
from charly_vm.arbiter.wish import make_wish
from charly_vm.errors import ClaimUnavailable, StateError
from charly_vm.host.progress import Silent
from charly_vm.host.waiting import Deadline, NotYet, wait_for

pytestmark = pytest.mark.slow

GPU = make_wish(["gpu"])
ME = Claimant("me", "me", os.getuid(), os.getpid(), worker="gw3", test="test_x.py::test_y")
Another = Callable[..., Claimer]


@pytest.fixture(autouse=True)
def never_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits here has to be told: none of these tests passes by looking again after a while."""

    def wait(wakeup: Wakeup, seconds: float) -> None:
        before = time.monotonic()
        told(wakeup, seconds)
        assert time.monotonic() - before < seconds or seconds < 1, "nobody has told it"

    told = Wakeup.wait
    monkeypatch.setattr(Wakeup, "wait", wait)
    monkeypatch.setattr(waiting_module, "LOOK_AGAIN_SECONDS", 10 * PATIENCE)


def names(ledger: Ledger) -> set[str]:
    return {claim.claimant.name for claim in ledger.peek().claims.values()}


def await_line(ledger: Ledger, count: int) -> None:
    def waiting() -> bool | NotYet:
        claims = ledger.peek().claims.values()
        return sum(not claim.is_granted for claim in claims) == count or NotYet(str(claims))

    wait_for(f"{count} in line", waiting, Deadline(PATIENCE))


def test_whoever_has_it_keeps_others_waiting_and_then_they_have_it(
    arbiter: Arbiter, another: Another
) -> None:
    other = another()
    with arbiter.claim(GPU, ME):
        other.wait("gpu")
        other.send("nothing")
        assert not other.has_said("granted")
    other.expect("granted")
    other.release()
    assert not names(arbiter.ledger)


def test_something_else_is_had_beside_it(arbiter: Arbiter, another: Another) -> None:
    with arbiter.claim(GPU, ME):
        another("a").have("dongle")
        another("b").have(shared=["bus"])
        another("c").have(shared=["bus"], amounts={"ram": 8})


def test_first_come_first_served(arbiter: Arbiter, another: Another) -> None:
    line = [another(name) for name in "abc"]
    with arbiter.claim(GPU, ME):
        for place, one in enumerate(line):
            seen = one.wait("gpu")
            assert ("in line" in seen) == (place > 0)
    for number, one in enumerate(line):
        one.expect("granted")
        assert not any(later.has_said("granted") for later in line[number + 1 :])
        one.release()


def test_those_who_share_have_it_together_after_one_who_had_it_alone(
    arbiter: Arbiter, another: Another
) -> None:
    line = [another(name) for name in "abc"]
    with arbiter.claim(GPU, ME):
        for one in line:
            one.wait(shared=["gpu"])
    for one in line:
        one.expect("granted")


def test_later_ones_who_share_wait_for_one_ahead_who_wants_it_alone(
    arbiter: Arbiter, another: Another
) -> None:
    alone, late = another("alone"), another("late")
    with arbiter.claim(make_wish(shared=["gpu"]), ME):
        alone.wait("gpu")
        assert "second in line" in late.wait(shared=["gpu"])
    alone.expect("granted")
    alone.release()
    late.expect("granted")


def test_amounts_are_had_as_far_as_they_go(arbiter: Arbiter, another: Another) -> None:
    first, second, third = (another(name) for name in "abc")
    first.have(amounts={"ram": 5})
    second.have(amounts={"ram": 3})
    assert "ram is held by a" in third.wait(amounts={"ram": 4})
    second.release()
    first.release()
    third.expect("granted")


def test_one_who_was_killed_is_followed_by_the_next(arbiter: Arbiter, another: Another) -> None:
    first, second, third = (another(name) for name in "abc")
    first.have("gpu")
    second.wait("gpu")
    third.wait("gpu")
    first.kill()
    second.expect("granted")
    second.kill()
    third.expect("granted")
    assert names(arbiter.ledger) == {"c"}


def test_one_who_is_killed_in_the_line_is_not_waited_for(
    arbiter: Arbiter, another: Another
) -> None:
    alone, late = another("alone"), another("late")
    with arbiter.claim(make_wish(shared=["gpu"]), ME):
        alone.wait("gpu")
        late.wait(shared=["gpu"])
        alone.kill()
        late.expect("granted")


def test_many_who_were_killed_at_once_are_followed_by_the_next(
    arbiter: Arbiter, another: Another
) -> None:
    first, *line = (another(name) for name in "abcde")
    first.have("gpu")
    for one in line:
        one.wait("gpu")
    for one in (first, *line[:-1]):
        os.kill(one.pid, 9)
    line[-1].expect("granted")


@pytest.mark.parametrize("waits", [True, False])
def test_ctrl_c_leaves_the_line_and_keeps_nobody_waiting(
    arbiter: Arbiter, another: Another, waits: bool
) -> None:
    first, second = another("first"), another("second")
    with arbiter.claim(make_wish(shared=["gpu"]), ME):
        first.wait("gpu")
        if waits:
            second.wait(shared=["gpu"])
        first.interrupt()
        first.expect("interrupted")
        if not waits:
            second.claim(shared=["gpu"])
        second.expect("granted")
    second.release()
    assert not [*(arbiter.ledger.directory / "claims").iterdir()]
    first.have("gpu")


def test_its_time_is_over_and_the_message_names_who_has_it(
    arbiter: Arbiter, another: Another
) -> None:
    other = another("check-x")
    other.have("gpu")
    with pytest.raises(ClaimUnavailable) as raised:
        arbiter.claim(GPU, ME, timeout=0.05)
    since = r"since \d\d:\d\d"
    message = raised.value.message
    assert re.match("gpu was not to be had for me within 0 s: ", message)
    assert re.search(
        rf"gpu is held exclusively by check-x \(pid {other.pid}, {since}\)$", message
    ), message
    assert "check-x" in raised.value.holder
    assert names(arbiter.ledger) == {"check-x"}


def test_the_message_has_the_place_in_the_line(arbiter: Arbiter, another: Another) -> None:
    with arbiter.claim(GPU, ME):
        another("first").wait("gpu")
        assert re.search(r"gw3, test_x.py::test_y, since", another("second").wait("gpu"))
        with pytest.raises(ClaimUnavailable, match=r"since \d\d:\d\d\); third in line"):
            arbiter.claim(GPU, ME, timeout=0)


def test_when_it_is_expected_free_is_known_from_the_last_time(
    arbiter: Arbiter, another: Another, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = arbiter.claim(GPU, ME)
    now = time.time()
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: now + 500)
        lease.release()
    with arbiter.claim(GPU, ME):
        assert re.search(r"; expected free in [5-8] m \d\d s$", another().wait("gpu"))


def test_claims_of_one_owner_do_not_wait_for_each_other(arbiter: Arbiter, another: Another) -> None:
    with arbiter.claim(GPU, ME, owner="bed"), arbiter.claim(GPU, ME, owner="bed", timeout=0):
        another().wait("gpu")


def test_who_has_something_goes_before_those_who_wait_for_it(
    arbiter: Arbiter, another: Another
) -> None:
    with arbiter.claim(GPU, ME, owner="bed"):
        other = another()
        other.wait("gpu", shared=["dongle"])
        with arbiter.claim(make_wish(["dongle"]), ME, owner="bed", timeout=0):
            pass
    other.expect("granted")


def test_a_circle_is_refused_to_the_last_one_to_ask(arbiter: Arbiter, another: Another) -> None:
    other = another()
    other.have("dongle", owner="theirs")
    lease = arbiter.claim(GPU, ME, owner="mine")
    other.wait("gpu", owner="theirs")
    with pytest.raises(ClaimUnavailable, match=r"would wait for dongle for ever: other has it"):
        arbiter.claim(make_wish(["dongle"]), ME, owner="mine")
    claims = arbiter.ledger.directory / "claims"
    locks = {file.stem for file in claims.glob("*.lock")}
    assert locks == {file.stem for file in claims.glob("*.json")}
    lease.release()
    other.expect("granted")


def test_one_that_is_taken_out_by_hand_is_told_so(arbiter: Arbiter, another: Another) -> None:
    other = another()
    with arbiter.claim(GPU, ME):
        other.wait("gpu")
        arbiter.end(arbiter.find_claim("other"))
        with pytest.raises(AssertionError, match="was taken out of the line"):
            other.expect("granted")
    assert not names(arbiter.ledger)


def test_claims_are_found_by_id_and_by_name(arbiter: Arbiter) -> None:
    with arbiter.claim(GPU, ME) as lease:
        assert arbiter.find_claim(lease.id) == arbiter.find_claim("me") == lease.record
        with arbiter.claim(make_wish(["dongle"]), ME), pytest.raises(StateError, match="2 claims"):
            arbiter.find_claim("me")
    with pytest.raises(StateError, match="no claim me"):
        arbiter.find_claim("me")


def test_what_a_machine_has_outlives_its_maker_and_ends_by_hand(
    arbiter: Arbiter, another: Another
) -> None:
    lease = arbiter.claim(make_wish(["gpu", "dongle"]), ME, domain="vm")
    lease.hand_over("vm", {Life.MACHINE: GPU, Life.HOLDER: make_wish()})
    lease.release()
    other = another()
    other.have("dongle")
    other.release()
    assert "gpu is held exclusively by me (machine of me, since" in other.wait("gpu")
    (claim,) = (one for one in arbiter.ledger.peek().claims.values() if one.is_granted)
    assert (claim.life, claim.wish, claim.domain) == (Life.MACHINE, GPU, "vm")
    arbiter.end(claim)
    other.expect("granted")


def test_the_claim_of_a_machine_whose_maker_was_killed_is_kept(
    arbiter: Arbiter, another: Another
) -> None:
    """What removes the machine, or finds that it is not there, gives it back."""
    other = another()
    other.have("gpu", domain="vm")
    other.kill()
    with pytest.raises(ClaimUnavailable, match="dead, its machine is still there"):
        arbiter.claim(GPU, ME, timeout=0)


class Busybody(Silent):
    """Does something at the moment at which a claimant has looked and does not wait yet."""

    def __init__(self, do: Callable[[], None]) -> None:
        self.do = do

    def note(self, text: str) -> None:
        self.do()


def test_what_is_given_back_between_the_look_and_the_wait_is_noticed(arbiter: Arbiter) -> None:
    lease = arbiter.claim(GPU, ME)
    waits = Arbiter(arbiter.ledger, progress=Busybody(lease.release))
    waits.claim(GPU, ME, timeout=PATIENCE).release()


def test_a_death_between_the_look_and_the_wait_is_noticed(
    arbiter: Arbiter, another: Another
) -> None:
    other = another()
    other.have("gpu")
    waits = Arbiter(arbiter.ledger, progress=Busybody(other.kill))
    waits.claim(GPU, ME, timeout=PATIENCE).release()


def test_without_the_kernels_watch_it_is_noticed_as_well(
    arbiter: Arbiter, another: Another, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(wakeup_module, "FileEvents", none_left)
    other = another()
    other.have("gpu")
    waits = Arbiter(arbiter.ledger, progress=Busybody(lambda: other.send("release", success=True)))
    waits.claim(GPU, ME, timeout=PATIENCE).release()


def test_a_claim_of_nothing_is_granted_at_once(arbiter: Arbiter) -> None:
    with arbiter.claim(make_wish(), ME, timeout=0):
        pass
