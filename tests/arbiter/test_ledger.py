"""What is in the ledger's directory: nothing more than what is claimed, whatever came before."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from claimer import Claimer

import charly_vm.arbiter.ledger as ledger_module
from charly_vm.arbiter.claiming import Arbiter
from charly_vm.arbiter.inhibition import allow, find_inhibition, inhibit
from charly_vm.arbiter.ledger import Ledger
from charly_vm.arbiter.liveness import Liveness
from charly_vm.arbiter.records import Claimant
from charly_vm.arbiter.wish import make_wish
from charly_vm.errors import HostError, LeaseUnavailable
from charly_vm.host.locks import hold

GPU = make_wish(["gpu"])
ME = Claimant("me", "me", os.getuid(), os.getpid())


def files(ledger: Ledger) -> set[str]:
    return {
        str(file.relative_to(ledger.directory))
        for file in ledger.directory.rglob("*")
        if file.is_file()
    } - {"lock"}


def write_record(ledger: Ledger, identifier: str, text: str) -> Path:
    with ledger.open():
        pass
    file = ledger.claim_file(identifier)
    file.write_text(text)
    return file


def newer(**more: object) -> str:
    claimant = {"name": "future", "user": "x", "uid": os.getuid(), "pid": 1, "mood": "good"}
    record = {
        "format": 99,
        "claimant": claimant,
        "wish": {"exclusive": ["gpu"], "colours": ["red"]},
        "place": 1.0,
        "boot_id": "",
        "life": "owner",
        "granted": 1.0,
        "shape": {"round": True},
    }
    return json.dumps({**record, **more})


def test_a_claim_that_was_given_back_leaves_nothing(arbiter: Arbiter) -> None:
    lease = arbiter.claim(GPU, ME)
    assert files(arbiter.ledger) == {f"claims/{lease.id}.json", f"claims/{lease.id}.lock"}
    lease.release()
    assert files(arbiter.ledger) == set()
    lease.release()


def test_a_block_that_ends_or_raises_gives_back(arbiter: Arbiter) -> None:
    with arbiter.claim(GPU, ME):
        assert arbiter.ledger.peek().claims
    with pytest.raises(ZeroDivisionError), arbiter.claim(GPU, ME):
        raise ZeroDivisionError
    assert files(arbiter.ledger) == set()


def test_files_are_for_this_account_alone(arbiter: Arbiter) -> None:
    with arbiter.claim(GPU, ME):
        for path in arbiter.ledger.directory.rglob("*"):
            assert path.stat().st_mode & 0o077 == 0


def test_files_of_others_are_ignored_and_left_alone(arbiter: Arbiter) -> None:
    claims = arbiter.ledger.directory / "claims"
    with arbiter.ledger.open():
        pass
    strange = ["README", ".hidden.json", "x.json.orig", "backup.lock", "notes.tmp", ".json"]
    for name in strange:
        (claims / name).write_text("what is this?")
    (claims / "directory.json").mkdir()
    with arbiter.claim(GPU, ME, timeout=0):
        pass
    assert files(arbiter.ledger) == {f"claims/{name}" for name in strange}


def test_what_a_killed_process_left_beside_records_is_removed(arbiter: Arbiter) -> None:
    """A lock whose record was not written yet, and a record that was half written."""
    with arbiter.ledger.open():
        pass
    claims = arbiter.ledger.directory / "claims"
    (claims / "0123456789abcdef.lock").touch()
    (claims / ".0123456789abcdef.json.01234567.tmp").touch()
    (arbiter.ledger.directory / "stopped" / ".0-x.json.01234567.tmp").touch()
    with Liveness(claims / "fedcba9876543210.lock"), arbiter.ledger.open():
        assert files(arbiter.ledger) == {"claims/fedcba9876543210.lock"}


def test_a_torn_record_whose_owner_lives_counts_as_a_claim_of_everything(arbiter: Arbiter) -> None:
    file = write_record(arbiter.ledger, "torn", newer()[:40])
    with Liveness(arbiter.ledger.claim_lock("torn")):
        with pytest.raises(LeaseUnavailable, match=r"a claim that this charly cannot read \(torn"):
            arbiter.claim(make_wish(["anything"]), ME, timeout=0)
        assert file.exists()


def test_a_torn_record_whose_owner_is_gone_is_put_aside(arbiter: Arbiter) -> None:
    write_record(arbiter.ledger, "torn", newer()[:40])
    with arbiter.claim(GPU, ME, timeout=0):
        pass
    assert files(arbiter.ledger) == {"damaged/torn.json"}
    assert arbiter.ledger.find_damaged() == ["torn.json"]


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '"x"', "\0\0\0", '{"format": 1}'])
def test_no_text_of_a_record_is_an_error(arbiter: Arbiter, text: str) -> None:
    write_record(arbiter.ledger, "odd", text)
    with Liveness(arbiter.ledger.claim_lock("odd")):
        assert arbiter.ledger.peek().claims["odd"].unreadable
        with pytest.raises(LeaseUnavailable):
            arbiter.claim(GPU, ME, timeout=0)


def test_a_newer_record_counts_and_is_not_touched_while_its_owner_lives(arbiter: Arbiter) -> None:
    file = write_record(arbiter.ledger, "future", newer())
    before = file.read_bytes(), file.stat().st_ino
    with Liveness(arbiter.ledger.claim_lock("future")):
        with pytest.raises(LeaseUnavailable, match=r"gpu is held exclusively by future"):
            arbiter.claim(GPU, ME, timeout=0)
        with arbiter.claim(make_wish(["dongle"]), ME, timeout=0):
            pass
        assert (file.read_bytes(), file.stat().st_ino) == before
    with arbiter.claim(GPU, ME, timeout=0):
        assert not file.exists()


def test_a_newer_record_that_hangs_on_something_unknown_counts_as_everything(
    arbiter: Arbiter,
) -> None:
    """Nobody here can tell whether it has ended: it is taken out by hand."""
    file = write_record(arbiter.ledger, "future", newer(life="moon"))
    with pytest.raises(LeaseUnavailable, match="cannot read"):
        arbiter.claim(make_wish(["dongle"]), ME, timeout=0)
    assert file.exists()
    arbiter.end(arbiter.find_claim("future"))
    with arbiter.claim(GPU, ME, timeout=0):
        pass


def test_looking_changes_nothing_and_makes_nothing(
    ledger: Ledger, another: Callable[..., Claimer]
) -> None:
    assert not ledger.peek().claims
    assert not ledger.directory.exists()
    other = another()
    other.have("gpu")
    other.kill()
    before = files(ledger)
    assert not ledger.peek().claims
    assert files(ledger) == before


def test_places_in_the_line_follow_each_other_also_where_the_clock_is_set_back(
    arbiter: Arbiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    with arbiter.claim(make_wish(["a"]), ME) as first:
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now - 86400)
        with arbiter.claim(make_wish(["b"]), ME) as second:
            assert second.record.place > first.record.place


def test_one_who_hangs_with_the_ledger_is_an_error_in_the_end(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ledger.open():
        pass
    monkeypatch.setattr(ledger_module, "LOCK_SECONDS", 0.05)
    with (
        hold(ledger.directory / "lock"),
        pytest.raises(LeaseUnavailable, match=r"another process has held .*/lock"),
        ledger.open(),
    ):
        pass


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "fuse.sshfs"])
def test_a_file_system_whose_locks_outlive_their_holder_is_refused(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(ledger_module, "find_file_system", lambda path: kind)
    with pytest.raises(HostError, match=f"is on {kind}, where a lock") as raised, ledger.open():
        pass
    assert "leases.directory" in raised.value.hint
    assert not ledger.directory.exists()


def test_an_owner_at_work_is_so_until_it_ends_or_is_taken_back(ledger: Ledger) -> None:
    assert find_inhibition(ledger, 7) == 0
    until = inhibit(ledger, 7, 100)
    assert find_inhibition(ledger, 7) == pytest.approx(until, abs=1)
    assert find_inhibition(ledger, 8) == 0
    assert allow(ledger, 7)
    assert not allow(ledger, 7)
    inhibit(ledger, 7, -1)
    assert find_inhibition(ledger, 7) == 0
