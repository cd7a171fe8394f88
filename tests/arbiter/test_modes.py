"""Resources with a mode are switched for the claims that there are, and back after the last one."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from watched import Watched
from yard import Yard, YardHolder

import charly_vm.arbiter.modes as modes_module
from charly_vm.arbiter.claiming import Arbiter, Lease
from charly_vm.arbiter.ledger import Ledger
from charly_vm.arbiter.modes import NoSwitches
from charly_vm.arbiter.records import Claimant, Life
from charly_vm.arbiter.wish import Wish, make_wish
from charly_vm.errors import ClaimUnavailable, HostError
from charly_vm.host.locks import hold
from charly_vm.host.waiting import Deadline, NotYet, wait_for

PATIENCE = 60.0
MACHINE, CONTAINERS = make_wish(["gpu"]), make_wish(shared=["gpu"])
ME = Claimant("me", "me", os.getuid(), os.getpid())


@dataclass(frozen=True)
class Cards:
    """Switches whose state is files, so that every process sees the same.

    DEVICE.mode  the mode it is in        log           each switch that was made, as they came
    DEVICE.given-up  why it is given up   DEVICE.fails  the mode that it cannot be switched to
    TOKEN.means  the devices that it means, but for one of its own name
    """

    directory: Path
    seconds: float = 0.0
    """How long a switch takes."""

    def put(self, device: str, mode: str) -> None:
        self.set(device, "mode", mode)

    def set(self, name: str, kind: str, text: str) -> None:
        self.directory.mkdir(exist_ok=True)
        (self.directory / f"{name}.{kind}").write_text(text)

    def unset(self, name: str, kind: str) -> None:
        (self.directory / f"{name}.{kind}").unlink()

    def log(self) -> list[str]:
        return self._read("log").splitlines()

    def devices(self, token: str) -> Collection[str]:
        return self._read(f"{token}.means").split()

    def is_device(self, name: str) -> bool:
        return (self.directory / f"{name}.mode").exists()

    def require_sound(self, device: str) -> None:
        if why := self._read(f"{device}.given-up"):
            raise HostError(why)

    def mode(self, device: str) -> str:
        return self._read(f"{device}.mode")

    def wanted(self, *, exclusive: bool) -> str:
        return "vfio" if exclusive else "nvidia"

    def enter(self, device: str, mode: str) -> None:
        if self.mode(device) == mode:
            return
        time.sleep(self.seconds)
        if self._read(f"{device}.fails") == mode:
            raise HostError(f"{device} cannot be {mode}")
        with (self.directory / "log").open("a") as log:
            log.write(f"{device} {mode}\n")
        self.put(device, mode)

    def _read(self, name: str) -> str:
        file = self.directory / name
        return file.read_text() if file.exists() else ""


@pytest.fixture
def cards(tmp_path: Path) -> Cards:
    made = Cards(tmp_path / "cards")
    made.put("gpu", "nvidia")
    return made


@pytest.fixture
def keeper(ledger: Ledger, cards: Cards) -> Arbiter:
    return Arbiter(ledger, switches=cards)


def one_more(keeper: Arbiter, cards: Cards) -> Arbiter:
    """Another claimant on the same ledger, as another process has one."""
    return Arbiter(Ledger(keeper.ledger.directory), switches=cards)


def kept(keeper: Arbiter) -> list[str]:
    return sorted(file.name for file in keeper.ledger.directory.glob("modes/*.json"))


def claim(arbiter: Arbiter, wish: Wish) -> Lease:
    return arbiter.claim(wish, ME, timeout=PATIENCE)


def await_line(ledger: Ledger) -> None:
    def waiting() -> bool | NotYet:
        claims = ledger.peek().claims.values()
        return any(not one.is_granted for one in claims) or NotYet("nobody waits")

    wait_for("one in line", waiting, Deadline(PATIENCE))


def test_alone_it_is_in_one_mode_and_shared_in_the_other(keeper: Arbiter, cards: Cards) -> None:
    with claim(keeper, MACHINE):
        assert cards.mode("gpu") == "vfio"
    assert cards.mode("gpu") == "nvidia"
    with claim(keeper, CONTAINERS):
        assert cards.mode("gpu") == "nvidia"
    assert cards.log() == ["gpu vfio", "gpu nvidia"]
    assert kept(keeper) == []


def test_what_was_there_before_is_there_again(keeper: Arbiter, cards: Cards) -> None:
    cards.put("gpu", "vfio")
    with claim(keeper, CONTAINERS):
        assert cards.mode("gpu") == "nvidia"
        assert kept(keeper) == ["gpu.json"]
    assert cards.mode("gpu") == "vfio"
    assert kept(keeper) == []


def test_the_last_one_who_shares_it_puts_it_back(keeper: Arbiter, cards: Cards) -> None:
    cards.put("gpu", "vfio")
    first, second = claim(keeper, CONTAINERS), claim(one_more(keeper, cards), CONTAINERS)
    first.release()
    assert cards.mode("gpu") == "nvidia"
    second.release()
    assert cards.mode("gpu") == "vfio"
    assert cards.log() == ["gpu nvidia", "gpu vfio"]


def test_each_of_several_is_in_its_own_mode(keeper: Arbiter, cards: Cards) -> None:
    cards.put("other", "vfio")
    with claim(keeper, make_wish(["gpu"], ["other", "dongle"])):
        assert (cards.mode("gpu"), cards.mode("other")) == ("vfio", "nvidia")
        assert kept(keeper) == ["gpu.json", "other.json"]
    assert (cards.mode("gpu"), cards.mode("other")) == ("nvidia", "vfio")


def test_two_tokens_of_one_device_are_one_thing(keeper: Arbiter, cards: Cards) -> None:
    cards.set("mine", "means", "gpu")
    mine = claim(keeper, make_wish(["mine"]))
    assert mine.wish.exclusive == ("mine", "gpu")
    assert cards.mode("gpu") == "vfio"
    with pytest.raises(ClaimUnavailable, match="gpu is held exclusively by me"):
        one_more(keeper, cards).claim(CONTAINERS, ME, timeout=0)
    mine.release()
    assert cards.log() == ["gpu vfio", "gpu nvidia"]
    assert kept(keeper) == []


def test_a_machine_keeps_the_device_of_its_token(keeper: Arbiter, cards: Cards) -> None:
    cards.set("mine", "means", "gpu")
    wish = make_wish(["mine"])
    lease = keeper.claim(wish, ME, domain="vm")
    lease.hand_over("vm", {Life.MACHINE: wish})
    (record,) = keeper.ledger.peek().claims.values()
    assert record.wish.exclusive == ("mine", "gpu")


def test_a_token_without_a_mode_is_claimed_as_ever(keeper: Arbiter, cards: Cards) -> None:
    with claim(keeper, make_wish(["dongle"])):
        assert kept(keeper) == []
    with Arbiter(keeper.ledger, switches=NoSwitches()).claim(MACHINE, ME):
        assert cards.log() == kept(keeper) == []


def test_one_in_no_mode_stays_where_it_was_switched_to(keeper: Arbiter, cards: Cards) -> None:
    cards.put("gpu", "")
    with claim(keeper, MACHINE):
        pass
    assert cards.mode("gpu") == "vfio"
    assert kept(keeper) == []


@pytest.mark.parametrize("wishes", [(MACHINE, MACHINE), (MACHINE, CONTAINERS, MACHINE)])
def test_claims_that_follow_each_other_do_not_switch_back_between(
    keeper: Arbiter, cards: Cards, wishes: tuple[Wish, ...]
) -> None:
    cards.put("gpu", "unbound")
    lease = claim(keeper, wishes[0])
    for wish in wishes[1:]:
        granted: list[Lease] = []
        waiter = threading.Thread(
            target=lambda: granted.append(claim(one_more(keeper, cards), wish))  # noqa: B023
        )
        waiter.start()
        await_line(keeper.ledger)
        lease.release()
        waiter.join(PATIENCE)
        [lease] = granted
    lease.release()
    modes = [cards.wanted(exclusive=bool(wish.exclusive)) for wish in wishes]
    different = [mode for before, mode in zip(["", *modes], modes, strict=False) if mode != before]
    assert cards.log() == [*(f"gpu {mode}" for mode in different), "gpu unbound"]
    assert kept(keeper) == []


def test_one_that_waits_keeps_it_as_it_is(keeper: Arbiter, cards: Cards) -> None:
    """Whatever is released besides, and whoever looks."""
    lease, other = claim(keeper, MACHINE), claim(keeper, make_wish(["dongle"]))
    stop = threading.Event()

    def wait() -> None:
        with claim(one_more(keeper, cards), MACHINE):
            stop.wait(PATIENCE)

    waiter = threading.Thread(target=wait)
    waiter.start()
    await_line(keeper.ledger)
    keeper.end(lease.record)
    other.release()
    assert one_more(keeper, cards).restore() == []
    assert cards.log() == ["gpu vfio"]
    stop.set()
    waiter.join(PATIENCE)
    assert cards.log() == ["gpu vfio", "gpu nvidia"]
    lease.abandon()


def test_a_machine_keeps_it_after_its_maker_has_gone(keeper: Arbiter, cards: Cards) -> None:
    lease = keeper.claim(MACHINE, ME, domain="vm")
    lease.hand_over("vm", {Life.MACHINE: MACHINE})
    lease.release()
    keeper.restore()
    assert cards.mode("gpu") == "vfio"
    (record,) = keeper.ledger.peek().claims.values()
    keeper.end(record)
    keeper.restore()
    assert cards.mode("gpu") == "nvidia"


def test_a_switch_that_fails_gives_the_claim_back(keeper: Arbiter, cards: Cards) -> None:
    cards.set("gpu", "fails", "vfio")
    with pytest.raises(HostError, match="gpu cannot be vfio"):
        claim(keeper, MACHINE)
    assert keeper.ledger.peek().claims == {}
    assert kept(keeper) == []
    assert cards.mode("gpu") == "nvidia"
    with claim(one_more(keeper, cards), CONTAINERS):
        pass


def test_of_several_the_one_that_was_switched_goes_back_where_the_other_fails(
    keeper: Arbiter, cards: Cards
) -> None:
    cards.put("other", "nvidia")
    cards.set("other", "fails", "vfio")
    with pytest.raises(HostError, match="other cannot be vfio"):
        claim(keeper, make_wish(["gpu", "other"]))
    assert cards.log() == ["gpu vfio", "gpu nvidia"]
    assert kept(keeper) == []


def test_what_cannot_be_put_back_is_told_and_tried_again(ledger: Ledger, cards: Cards) -> None:
    progress = Watched()
    keeper = Arbiter(ledger, switches=cards, progress=progress)
    lease = claim(keeper, MACHINE)
    cards.set("gpu", "fails", "nvidia")
    lease.release()
    assert progress.notes == ["gpu does not go back to nvidia: gpu cannot be nvidia"]
    assert cards.mode("gpu") == "vfio"
    assert kept(keeper) == ["gpu.json"]
    cards.unset("gpu", "fails")
    assert one_more(keeper, cards).restore() == []
    assert cards.mode("gpu") == "nvidia"
    assert kept(keeper) == []


def test_what_is_given_up_stays_as_it_is_and_nobody_who_comes_by_is_told(
    ledger: Ledger, cards: Cards
) -> None:
    progress = Watched()
    keeper = Arbiter(ledger, switches=cards, progress=progress)
    lease = claim(keeper, MACHINE)
    cards.set("gpu", "given-up", "the driver hangs")
    lease.release()
    assert progress.notes == []
    assert (cards.mode("gpu"), kept(keeper)) == ("vfio", ["gpu.json"])
    cards.unset("gpu", "given-up")
    one_more(keeper, cards).restore()
    assert (cards.mode("gpu"), kept(keeper)) == ("nvidia", [])


def be_killed(keeper: Arbiter, cards: Cards, wish: Wish) -> None:
    """Have a claimant that has what it wished for die of a kill -9."""
    child = os.fork()
    if child == 0:
        try:
            claim(one_more(keeper, cards), wish)
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL


def test_what_a_killed_claimant_has_switched_is_put_back_by_the_next_one(
    keeper: Arbiter, cards: Cards
) -> None:
    be_killed(keeper, cards, MACHINE)
    assert cards.mode("gpu") == "vfio"
    with claim(keeper, make_wish(["dongle"])):
        pass
    assert cards.mode("gpu") == "nvidia"
    assert kept(keeper) == []


def test_one_who_wants_it_after_a_killed_one_goes_back_to_what_was_before_both(
    keeper: Arbiter, cards: Cards
) -> None:
    be_killed(keeper, cards, MACHINE)
    with claim(keeper, MACHINE):
        pass
    assert cards.log() == ["gpu vfio", "gpu nvidia"]


def test_a_switch_by_hand_after_a_killed_claimant_stays(keeper: Arbiter, cards: Cards) -> None:
    be_killed(keeper, cards, MACHINE)
    with keeper.claim(MACHINE, ME, timeout=0, switches=False) as lease:
        cards.enter("gpu", "unbound")
        keeper.modes.forget(lease.wish)
    assert cards.mode("gpu") == "unbound"
    assert kept(keeper) == []


def test_what_was_put_back_meanwhile_is_not_put_back_again(
    keeper: Arbiter, cards: Cards, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By somebody who had its lock, and others have switched it since."""
    be_killed(keeper, cards, MACHINE)

    def meanwhile(*words: Any, **more: Any) -> AbstractContextManager[None]:
        monkeypatch.setattr(modes_module, "hold", hold)
        one_more(keeper, cards).restore()
        cards.enter("gpu", "unbound")
        return hold(*words, **more)

    monkeypatch.setattr(modes_module, "hold", meanwhile)
    keeper.restore()
    assert cards.log() == ["gpu vfio", "gpu nvidia", "gpu unbound"]


def another_boot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modes_module, "boot_id", lambda: "another boot")


def test_after_a_reboot_it_stays_as_the_host_boots_it(
    keeper: Arbiter, cards: Cards, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_killed(keeper, cards, MACHINE)
    another_boot(monkeypatch)
    keeper.restore()
    assert cards.log() == ["gpu vfio"]
    assert kept(keeper) == []


def test_after_a_reboot_a_claim_goes_back_to_what_the_host_boots_it_in(
    keeper: Arbiter, cards: Cards, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_killed(keeper, cards, MACHINE)
    another_boot(monkeypatch)
    cards.put("gpu", "unbound")
    with claim(keeper, MACHINE):
        assert cards.mode("gpu") == "vfio"
    assert cards.mode("gpu") == "unbound"


def test_one_that_is_not_known_here_is_left_to_those_who_know_it(
    keeper: Arbiter, cards: Cards
) -> None:
    """What is behind a token stands in its project, and others put things back as well."""
    be_killed(keeper, cards, MACHINE)
    stranger = Arbiter(Ledger(keeper.ledger.directory), switches=NoSwitches())
    stranger.restore()
    assert kept(keeper) == ["gpu.json"]
    assert cards.mode("gpu") == "vfio"
    keeper.restore()
    assert cards.mode("gpu") == "nvidia"
    assert kept(keeper) == []


def test_one_whose_card_is_gone_is_forgotten_after_a_reboot(
    keeper: Arbiter, cards: Cards, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = claim(keeper, MACHINE)
    cards.unset("gpu", "mode")
    lease.release()
    assert kept(keeper) == ["gpu.json"]
    another_boot(monkeypatch)
    keeper.restore()
    assert kept(keeper) == []
    assert cards.log() == ["gpu vfio"]


def test_a_record_that_nobody_can_read_is_written_anew(keeper: Arbiter, cards: Cards) -> None:
    for text in ("", "[]", '{"device": "gpu"}', "\0"):
        keeper.ledger.make()
        (keeper.ledger.directory / "modes/gpu.json").write_text(text)
        keeper.restore()
        with claim(keeper, MACHINE):
            assert cards.mode("gpu") == "vfio"
        assert cards.mode("gpu") == "nvidia"
        assert kept(keeper) == []


def test_what_is_given_up_is_refused_before_anybody_gives_way(
    ledger: Ledger, cards: Cards, tmp_path: Path
) -> None:
    yard = Yard(tmp_path / "yard")
    yard.add("inference", CONTAINERS)
    keeper = Arbiter(ledger, yard, switches=cards)
    cards.set("gpu", "given-up", "the driver hangs")
    for wish in (MACHINE, make_wish(shared=["gpu"], exclusive=["dongle"])):
        with pytest.raises(HostError, match="the driver hangs"):
            claim(keeper, wish)
    assert yard.log() == cards.log() == []
    assert ledger.peek().claims == {}
    cards.unset("gpu", "given-up")
    with claim(keeper, MACHINE):
        assert yard.log() == ["stop inference"]
    assert yard.log() == ["stop inference", "start inference"]


def test_who_gives_way_comes_back_after_the_card(
    ledger: Ledger, cards: Cards, tmp_path: Path
) -> None:
    """A service of containers that is started before its card is on its driver fails."""
    seen: list[str] = []

    class Looking(Cards):
        def enter(self, device: str, mode: str) -> None:
            if mode != self.mode(device):
                seen.append(f"{mode} while down: {yard.down()}")
            super().enter(device, mode)

    yard = Yard(tmp_path / "yard")
    yard.add("inference", CONTAINERS)
    keeper = Arbiter(ledger, yard, switches=Looking(cards.directory))
    with claim(keeper, MACHINE):
        pass
    assert seen == ["vfio while down: ['inference']", "nvidia while down: ['inference']"]
    assert yard.down() == []
    assert kept(keeper) == []


def test_who_comes_back_to_another_mode_keeps_that(
    ledger: Ledger, cards: Cards, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service has no claim, by which anybody would see that it needs the mode still."""
    yard = Yard(tmp_path / "yard")
    yard.add("inference", CONTAINERS)
    keeper = Arbiter(ledger, yard, switches=cards)
    lease = claim(keeper, MACHINE)
    keeper.end(lease.record)
    another_boot(monkeypatch)
    assert cards.mode("gpu") == "vfio"
    assert keeper.restore() == ["inference runs again"]
    assert cards.mode("gpu") == "nvidia"
    assert kept(keeper) == []
    keeper.restore()
    assert cards.log() == ["gpu vfio", "gpu nvidia"]
    lease.abandon()


@dataclass(frozen=True)
class Machine(YardHolder):
    """One that has a claim while it runs."""

    @property
    def found_by(self) -> Mapping[str, str]:
        return {**super().found_by, "domain": self.name}

    def start(self) -> None:
        cards = Cards(self.directory.parent / "cards")
        # Somebody else looks at the moment.
        Arbiter(Ledger(self.directory.parent / "leases"), switches=cards).restore()
        self.set("mode", cards.mode("gpu"))
        super().start()


class Machines(Yard):
    def get(self, name: str) -> Machine:
        one = super().get(name)
        return Machine(one.directory, one.name, one.wish, one.grace, one.on_success)


def test_a_machine_that_comes_back_has_its_mode_for_as_long_as_it_is_there(
    ledger: Ledger, cards: Cards, tmp_path: Path
) -> None:
    yard = Machines(tmp_path / "yard")
    yard.add("vm", MACHINE)
    keeper = Arbiter(ledger, yard, switches=cards)
    with claim(keeper, CONTAINERS):
        assert yard.log() == ["stop vm"]
    assert yard.log() == ["stop vm", "start vm"]
    assert (yard.directory / "vm.mode").read_text() == cards.mode("gpu") == "vfio"
    keeper.restore()
    assert cards.mode("gpu") == "vfio"
    (running,) = ledger.peek().claims.values()
    assert running.domain == "vm"
    keeper.end(running)
    keeper.restore()
    assert cards.mode("gpu") == "nvidia"
    assert kept(keeper) == []


def test_who_is_refused_switches_nothing(keeper: Arbiter, cards: Cards) -> None:
    with claim(keeper, CONTAINERS), pytest.raises(ClaimUnavailable):
        one_more(keeper, cards).claim(MACHINE, ME, timeout=0)
    assert cards.log() == []


def test_a_claim_that_switches_nothing_leaves_nothing_behind(keeper: Arbiter, cards: Cards) -> None:
    cards.set("gpu", "given-up", "the driver hangs")
    with keeper.claim(MACHINE, ME, timeout=0, switches=False):
        assert cards.mode("gpu") == "nvidia"
        cards.put("gpu", "vfio")
    assert cards.mode("gpu") == "vfio"
    assert kept(keeper) == []


def test_two_at_once_switch_once(keeper: Arbiter, cards: Cards) -> None:
    cards.put("gpu", "vfio")
    slow = Cards(cards.directory, seconds=0.2)
    together = threading.Barrier(2)
    found: list[str] = []

    def take() -> None:
        together.wait(PATIENCE)
        with claim(one_more(keeper, slow), CONTAINERS):
            found.append(cards.mode("gpu"))
            together.wait(PATIENCE)

    threads = [threading.Thread(target=take) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert found == ["nvidia", "nvidia"]
    assert cards.log() == ["gpu nvidia", "gpu vfio"]
    assert kept(keeper) == []
