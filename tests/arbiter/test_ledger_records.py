"""Records as text: what is written is read again, and what others write is never an error."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from charly_vm.arbiter.records import (
    FORMAT,
    Claimant,
    ClaimRecord,
    Life,
    StoppedHolder,
    StopState,
    claim_as_json,
    read_claim,
    read_stopped,
    stopped_as_json,
)
from charly_vm.arbiter.wish import make_wish

CLAIM = ClaimRecord(
    id="0123",
    claimant=Claimant("check-x", "me", 1000, 7, "pytest", "gw1", "test_x.py::test_y"),
    wish=make_wish(["gpu"], ["bus"], {"ram": 4}),
    place=1.5,
    boot_id="boot",
    life=Life.MACHINE,
    granted=2.5,
    owner="bed",
    domain="vm",
)
HOLDER = StoppedHolder(
    key="1000-station",
    uid=1000,
    user="me",
    found_by={"kind": "service", "name": "station", "stop": "true"},
    wish=make_wish(["gpu"]),
    claims=("0123",),
    claimant="check-x (pid 7)",
    since=3.5,
    boot_id="boot",
    state=StopState.ASKED,
    grace=9.0,
    on_success=True,
    failed="check-x",
    problem="it is broken",
    tries=2,
    not_before=99.5,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def changed(text: str, **more: Any) -> bytes:
    return json.dumps({**json.loads(text), **more}).encode()


def test_what_was_written_is_read_again() -> None:
    assert read_claim("0123", claim_as_json(CLAIM).encode()) == CLAIM
    assert read_stopped("1000-station", stopped_as_json(HOLDER).encode()) == HOLDER


def test_a_records_name_is_its_files() -> None:
    """Nobody can be made to write or remove another file by what stands in one."""
    assert read_claim("mine", claim_as_json(CLAIM).encode()).id == "mine"
    text = changed(stopped_as_json(HOLDER), key="../../x")
    assert read_stopped("mine", text) == replace(HOLDER, key="mine")


def test_a_newer_claim_counts_with_what_of_it_is_known() -> None:
    record = read_claim("0123", changed(claim_as_json(CLAIM), format=99, shape="round"))
    assert record == replace(CLAIM, newer=True)
    assert not record.hangs_on_unknown


def test_a_newer_claim_that_is_not_understood_is_kept_apart_from_a_damaged_one() -> None:
    text = changed(claim_as_json(CLAIM), life="moon")
    damaged = read_claim("0123", text)
    assert damaged.unreadable
    assert not damaged.hangs_on_unknown
    newer = read_claim("0123", changed(text.decode(), format=FORMAT + 1))
    assert newer.unreadable
    assert newer.hangs_on_unknown


def test_a_newer_holder_is_known_by_what_of_it_is_known() -> None:
    text = changed(stopped_as_json(HOLDER), format=99, mood="good")
    record = read_stopped("1000-station", text)
    assert record == replace(HOLDER, unknown={"format": 99, "mood": "good"})
    # Whoever writes it again takes nothing from a newer charly.
    assert json.loads(stopped_as_json(record)) == json.loads(text)


@pytest.mark.parametrize("size", range(0, len(claim_as_json(CLAIM)) - 2, 7))
def test_every_torn_claim_is_unreadable_and_counts(size: int) -> None:
    record = read_claim("0123", claim_as_json(CLAIM).encode()[:size])
    assert record.unreadable
    assert record.is_granted


@pytest.mark.parametrize("size", range(0, len(stopped_as_json(HOLDER)) - 2, 7))
def test_every_torn_holder_is_none(size: int) -> None:
    assert read_stopped("x", stopped_as_json(HOLDER).encode()[:size]) is None


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 10**400, "soon", None, [1]])
@pytest.mark.parametrize("key", ["since", "grace", "not_before"])
def test_a_holder_whose_times_are_none_is_not_understood(key: str, number: object) -> None:
    assert read_stopped("x", changed(stopped_as_json(HOLDER), **{key: number})) is None


@given(st.binary())
def test_no_bytes_are_an_error(data: bytes) -> None:
    assert read_claim("x", data).unreadable
    assert read_stopped("x", data) is None


@settings(max_examples=40)
@given(st.sampled_from(sorted(json.loads(claim_as_json(CLAIM)))), JSON)
def test_no_value_of_a_claim_is_an_error(key: str, value: Any) -> None:
    text = changed(claim_as_json(CLAIM), **{key: value})
    record = read_claim("x", text)
    assert record == read_claim("x", text)
    assert claim_as_json(record)
    assert {record.claimant}


@settings(max_examples=40)
@given(st.sampled_from(sorted(json.loads(stopped_as_json(HOLDER)))), JSON)
def test_no_value_of_a_holder_is_an_error(key: str, value: Any) -> None:
    text = changed(stopped_as_json(HOLDER), **{key: value})
    record = read_stopped("x", text)
    # Who looks twice has to see the same, and can count with its times.
    assert record == read_stopped("x", text)
    assert record is None or isinstance(record.since + record.grace + record.not_before, float)
    assert record is None or stopped_as_json(record)


@settings(max_examples=40)
@given(st.sampled_from(["exclusive", "shared", "amounts"]), JSON)
def test_no_wish_is_an_error(key: str, value: Any) -> None:
    wish = {"exclusive": ["gpu"], "shared": [], "amounts": {}, key: value}
    record = read_claim("x", changed(claim_as_json(CLAIM), wish=wish))
    assert record.unreadable or str(record.wish) is not None
