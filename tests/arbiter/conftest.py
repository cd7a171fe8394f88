"""A ledger of each test's own, and claimants in other processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from claimer import Claimer

from charly_vm.arbiter.claiming import Arbiter
from charly_vm.arbiter.ledger import Ledger


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Durations of claims and the Go program's leases are read and written there."""
    for kind in ("DATA", "STATE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind.lower()))


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "leases")


@pytest.fixture
def arbiter(ledger: Ledger) -> Arbiter:
    return Arbiter(ledger, capacity={"ram": 8, "seats": 3})


@pytest.fixture
def another(ledger: Ledger) -> Iterator[Callable[..., Claimer]]:
    """`another(name, yard=…)` starts a claimant; none outlives the test."""
    with ExitStack() as stack:

        def start(name: str = "other", **more: Any) -> Claimer:
            given = {"capacity": {"ram": 8, "seats": 3}, **more}
            return stack.enter_context(Claimer(ledger.directory, name=name, **given))

        yield start
