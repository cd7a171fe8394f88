"""A service of its author's commands gives way, and is found again by what is on record alone."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

import pytest

from charly_vm.arbiter.claiming import Arbiter
from charly_vm.arbiter.holders import GivesWay as Holder
from charly_vm.arbiter.ledger import Ledger
from charly_vm.arbiter.records import Claimant
from charly_vm.arbiter.wish import make_wish
from charly_vm.errors import ClaimUnavailable
from charly_vm.machine.household import OwnHousehold, ServiceHolder
from charly_vm.machine.records import GivesWay

GPU = make_wish(["gpu"])
ME = Claimant("me", "me", os.getuid(), os.getpid())


class Services(OwnHousehold):
    """A household whose project has these; one without any is one without a project."""

    def __init__(self, *services: ServiceHolder) -> None:
        super().__init__(os.getuid(), None)
        self._services = services

    def find_holders(self, tokens: Collection[str]) -> Sequence[Holder]:
        return [one for one in self._services if not set(tokens).isdisjoint(one.wish.tokens)]

    def expect_return(self, due: bool) -> None:
        """This host's own units are left alone."""


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind.lower()))


@pytest.fixture
def service(tmp_path: Path) -> ServiceHolder:
    (tmp_path / "up").touch()
    terms = GivesWay(
        wish=GPU,
        grace=5.0,
        on_success=False,
        stop="rm up",
        start="touch up",
        running="test -e up",
        unless="test -e busy",
    )
    return ServiceHolder(os.getuid(), "ollama", terms, tmp_path)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "leases")


def test_it_is_stopped_and_started_by_its_commands(
    tmp_path: Path, ledger: Ledger, service: ServiceHolder
) -> None:
    with Arbiter(ledger, Services(service)).claim(GPU, ME):
        assert not (tmp_path / "up").exists()
    assert (tmp_path / "up").exists()


def test_it_comes_back_where_nobody_knows_its_project(
    tmp_path: Path, ledger: Ledger, service: ServiceHolder
) -> None:
    lease = Arbiter(ledger, Services(service)).claim(GPU, ME)
    Arbiter(ledger).end(lease.record)
    assert not (tmp_path / "up").exists()
    assert Arbiter(ledger, Services()).restore() == ["ollama runs again"]
    assert (tmp_path / "up").exists()


def test_one_whose_owner_is_at_work_is_left_alone(
    tmp_path: Path, ledger: Ledger, service: ServiceHolder
) -> None:
    (tmp_path / "busy").touch()
    with pytest.raises(ClaimUnavailable, match=r"its owner is at work \(`test -e busy` succeeds\)"):
        Arbiter(ledger, Services(service)).claim(GPU, ME, timeout=0)
    assert (tmp_path / "up").exists()


def test_a_stop_that_fails_is_told_with_its_reason(
    tmp_path: Path, ledger: Ledger, service: ServiceHolder
) -> None:
    terms = GivesWay(
        wish=GPU, grace=5.0, on_success=False, stop="exit 3", start="true", running="true"
    )
    broken = ServiceHolder(os.getuid(), "broken", terms, tmp_path)
    with pytest.raises(ClaimUnavailable, match=r"broken, .* give way: .*\(exit status 3\)"):
        Arbiter(ledger, Services(broken)).claim(GPU, ME)
