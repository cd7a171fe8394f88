"""The Go program's leases: whatever the shape of its file, no token in it is claimed here."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from charly_vm.arbiter.claiming import Arbiter
from charly_vm.arbiter.records import Claimant
from charly_vm.arbiter.wish import Wish, make_wish
from charly_vm.errors import ClaimUnavailable, HostError

ME = Claimant("me", "me", os.getuid(), os.getpid())
GPU = make_wish(["nvidia-gpu"])


@pytest.fixture
def leases(tmp_path: Path) -> Path:
    file = tmp_path / "data/charly/preemption/leases.yml"
    file.parent.mkdir(parents=True)
    return file


SHAPES = {
    "a mapping of tokens": "nvidia-gpu: {claimant: check-x, since: 2026-01-01}",
    "a token and who has it": "nvidia-gpu: check-x",
    "tokens below a key": "leases:\n  nvidia-gpu:\n    claimant: check-x\n    pid: 7",
    "a list of leases": "- token: nvidia-gpu\n  claimant: check-x",
    "a list below a key": "leases:\n- {claimant: check-x, resource: nvidia-gpu}",
    "a claimant's tokens": "leases:\n- claimant: check-x\n  tokens: [usb-dongle, nvidia-gpu]",
    "claimants by name": "check-x:\n  tokens:\n  - nvidia-gpu",
    "a token by its name": "- {name: nvidia-gpu, claimant: check-x}",
    "nested deeply": "version: 1\nleases: {a: {holder: check-x, held: [{name: nvidia-gpu}]}}",
}


@pytest.mark.parametrize("text", SHAPES.values(), ids=SHAPES)
def test_a_token_that_is_leased_there_is_refused_by_name(
    arbiter: Arbiter, leases: Path, text: str
) -> None:
    leases.write_text(text)
    with pytest.raises(ClaimUnavailable, match=r"nvidia-gpu is leased .*Go program") as raised:
        arbiter.claim(GPU, ME)
    assert str(leases) in raised.value.message
    assert "check-x" in raised.value.message or raised.value.holder
    with arbiter.claim(make_wish(["other-gpu"]), ME):
        pass


@pytest.mark.parametrize(
    "wish", [make_wish(shared=["nvidia-gpu"]), make_wish(amounts={"nvidia-gpu": 1})]
)
def test_it_is_refused_in_whatever_way_it_is_wanted(
    arbiter: Arbiter, leases: Path, wish: Wish
) -> None:
    leases.write_text(SHAPES["a list of leases"])
    with pytest.raises(ClaimUnavailable, match="leased to check-x by the Go program"):
        arbiter.claim(wish, ME)


@pytest.mark.parametrize("text", ["", "# nothing", "{}", "[]", "leases: {}", "leases: []", "null"])
def test_an_empty_file_leases_nothing(arbiter: Arbiter, leases: Path, text: str) -> None:
    leases.write_text(text)
    with arbiter.claim(GPU, ME):
        pass


def test_without_a_file_nothing_is_leased(arbiter: Arbiter) -> None:
    with arbiter.claim(GPU, ME):
        pass


@pytest.mark.parametrize("data", [b"a: [", b"\x80\x81", b"a: b: c", b"a: &a [*a]"])
def test_what_is_no_yaml_is_an_error_and_not_a_free_token(
    arbiter: Arbiter, leases: Path, data: bytes
) -> None:
    leases.write_bytes(data)
    with pytest.raises(HostError, match="no YAML") as raised:
        arbiter.claim(GPU, ME)
    assert "remove it" in raised.value.hint


def test_one_that_cannot_be_read_is_an_error(arbiter: Arbiter, leases: Path) -> None:
    leases.mkdir()
    with pytest.raises(HostError, match=r"cannot read .*leases.yml"):
        arbiter.claim(GPU, ME)
