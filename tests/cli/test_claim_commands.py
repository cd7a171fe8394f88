"""`charly claim` and `charly preempt`, as they are typed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from charly_process import Charly

from charly_vm.arbiter.claiming import Arbiter
from charly_vm.arbiter.ledger import Ledger
from charly_vm.arbiter.records import Claimant
from charly_vm.arbiter.wish import make_wish

pytestmark = pytest.mark.slow

PROJECT = """\
seats:
  resource: {amount: 3}
inference:
  pod: {image: inference}
  gives-way:
    preemptible:
      shares: [nvidia-gpu]
      stop: echo stop >>log; rm up
      start: echo start >>log; touch up
      running: test -e up
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "charly.yml").write_text(PROJECT)
    (tmp_path / "up").touch()
    return tmp_path


@contextmanager
def somebody_has(directory: Path, *tokens: str) -> Iterator[str]:
    """A claim of somebody else's; its id."""
    ledger = Ledger(directory / "state/charly/leases")
    claimant = Claimant("check-x", "somebody", os.getuid(), os.getpid())
    with Arbiter(ledger).claim(make_wish(tokens), claimant, timeout=0) as lease:
        yield lease.id


def standing(charly: Charly) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(charly("preempt", "status", "--json").stdout)
    return told


def test_a_command_has_its_claim_and_its_status_is_ours(charly: Charly, tmp_path: Path) -> None:
    done = charly("claim", "nvidia-gpu", "--", "sh", "-c", "ls state/charly/leases/claims; exit 7")
    assert done.status == 7
    assert ".json" in done.stdout
    assert standing(charly)["claims"] == []


def test_what_follows_the_dashes_is_the_commands_own(charly: Charly) -> None:
    done = charly("claim", "x", "--shared", "--", "echo", "--shared", "--", "-h")
    assert done.stdout == "--shared -- -h\n"


def test_a_command_that_a_signal_ended_has_a_shells_status(charly: Charly) -> None:
    assert charly("claim", "x", "--", "sh", "-c", "kill -9 $$").status == 128 + 9


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nvidia-gpu",), "no command: `charly claim nvidia-gpu -- make cuda-tests`"),
        (("--", "true"), "nothing to claim"),
        (("x", "--", "no-such-program"), "cannot run no-such-program"),
        (("--amount", "seats=4", "--", "true"), "there is 3 of 'seats', and 4 is wanted"),
        (("--amount", "beds=1", "--", "true"), "nothing says how much of 'beds' there is"),
        (("--amount", "seats", "--", "true"), "'seats' is no TOKEN=AMOUNT"),
        (("--amount", "ram=8", "--", "true"), "is not a size"),
    ],
)
def test_what_cannot_be_meant_is_one_message(
    charly: Charly, project: Path, words: tuple[str, ...], told: str
) -> None:
    done = charly("claim", *words)
    assert done.status in (1, 2)
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert standing(charly)["claims"] == []


def test_a_token_that_is_nearly_known_is_a_warning(charly: Charly) -> None:
    done = charly("claim", "nvidia-gpus", "--", "true")
    assert done.status == 0
    assert "no resource is called 'nvidia-gpus'; did you mean 'nvidia-gpu'?" in done.stderr


def test_who_has_it_is_named_when_the_time_is_over(charly: Charly, tmp_path: Path) -> None:
    with somebody_has(tmp_path, "nvidia-gpu"):
        done = charly("claim", "nvidia-gpu", "--claim-timeout", "1s", "--", "true")
    assert done.status == 1
    held = f"nvidia-gpu is held exclusively by check-x (pid {os.getpid()}, since "
    assert f"true waits: {held}" in done.stderr
    assert f"not to be had for true within 1 s: {held}" in done.stderr


def test_a_service_gives_way_and_comes_back(charly: Charly, project: Path) -> None:
    assert charly("claim", "nvidia-gpu", "--", "test", "!", "-e", "up").status == 0
    assert (project / "log").read_text() == "stop\nstart\n"
    # Who shares it is not in its way.
    assert charly("claim", "nvidia-gpu", "--shared", "--", "test", "-e", "up").status == 0
    assert (project / "up").exists()


def test_an_owner_at_work_keeps_what_they_have(charly: Charly, project: Path) -> None:
    said = charly("preempt", "inhibit", "--for", "2h")
    assert "no holder gives way until" in said.stdout
    refused = charly("claim", "nvidia-gpu", "--claim-timeout", "1s", "--", "true")
    assert "inference, which does not give way: its owner is at work until" in refused.stderr
    [holder] = standing(charly)["holders"]
    assert holder["why"].startswith("its owner is at work until")
    assert charly("preempt", "inhibit", "--off").stdout == "holders give way again\n"
    assert charly("claim", "nvidia-gpu", "--", "true").status == 0


def test_inhibit_wants_to_know_for_how_long(charly: Charly) -> None:
    assert "say either --for how long, or --off" in charly("preempt", "inhibit").stderr


def test_a_claim_is_released_by_force_alone(charly: Charly, tmp_path: Path) -> None:
    with somebody_has(tmp_path, "nvidia-gpu") as claim:
        [told] = standing(charly)["claims"]
        assert (told["id"], told["what"], told["state"]) == (claim, "nvidia-gpu", "granted")
        warned = charly("preempt", "release", "check-x")
        assert warned.status == 1
        assert "can hang the host; --force does it" in warned.stderr
        done = charly("preempt", "release", claim, "--force")
        assert done.status == 0
        assert "nvidia-gpu is free; check-x" in done.stdout
        assert charly("claim", "nvidia-gpu", "--claim-timeout", "1s", "--", "true").status == 0


def test_a_claim_that_is_not_there_is_one_message(charly: Charly) -> None:
    done = charly("preempt", "release", "nobody", "--force")
    assert done.status == 1
    assert "there is no claim nobody" in done.stderr


def test_nothing_to_tell_is_told(charly: Charly) -> None:
    assert charly("preempt", "status").stdout == "nothing is claimed\n"
    assert charly("preempt", "restore").stdout == "nothing to start\n"
    assert charly("preempt", "inhibit", "--off").stdout == "they gave way already\n"


def test_a_service_that_cannot_be_started_is_told_and_tried_again(
    charly: Charly, project: Path
) -> None:
    broken = PROJECT.replace("start: echo start >>log; touch up", "start: test -e key && touch up")
    (project / "charly.yml").write_text(broken)
    done = charly("claim", "nvidia-gpu", "--", "true")
    assert done.status == 0
    assert "inference cannot be started again" in done.stderr
    [holder] = standing(charly)["holders"]
    assert holder["state"] == "stopped"
    assert "could not be started" in holder["why"]
    (project / "key").touch()
    assert "inference runs again" in charly("preempt", "restore").stdout
    assert (project / "up").exists()


def test_one_that_comes_back_only_on_success_stays_down_after_a_failure(
    charly: Charly, project: Path
) -> None:
    careful = PROJECT.replace("running:", "restore: on-success\n      running:")
    (project / "charly.yml").write_text(careful)
    assert charly("claim", "nvidia-gpu", "--", "false").status == 1
    assert not (project / "up").exists()
    [holder] = standing(charly)["holders"]
    assert "stays down, since false failed (`charly preempt restore`)" in holder["why"]
    assert "inference runs again" in charly("preempt", "restore", "false").stdout
    assert charly("claim", "nvidia-gpu", "--", "true").status == 0
    assert (project / "up").exists()
