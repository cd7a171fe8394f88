"""How long work took last time, in a file on which nothing may depend."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charly_vm.errors import HostError
from charly_vm.host import durations as module
from charly_vm.host.durations import Durations

KEY = ("tcg", "check-x", "deployed", "booting")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "durations.json"


def test_the_next_run_knows_what_this_one_took(file: Path) -> None:
    first = Durations(file)
    assert first.last(KEY) is None
    first.remember(KEY, 41.23456)
    assert first.last(KEY) == 41.23456
    assert not file.exists()
    first.save()
    again = Durations(file)
    assert again.last(KEY) == 41.235
    assert again.last(KEY[:3]) is None


def test_without_a_file_of_its_own_it_is_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    durations = Durations()
    durations.remember(KEY, 1)
    durations.save()
    assert (tmp_path / "charly" / "durations.json").exists()
    assert Durations().last(KEY) == 1


@pytest.mark.parametrize(
    "nonsense",
    [
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        b"[]",
        b'{"version": 2, "seconds": [["tcg", 4]]}',
        b'{"version": 1}',
        b'{"version": 1, "seconds": {"tcg": 4}}',
        b'{"version": 1, "seconds": [["tcg", "4"], ["tcg", -1], ["tcg", true], ["tcg", NaN],'
        b' ["tcg", Infinity], [3, 4], [4], [], 4, null, ["tcg", null], ["tcg", 1e999]]}',
    ],
)
def test_nonsense_in_the_file_is_ignored_and_replaced(file: Path, nonsense: bytes) -> None:
    file.write_bytes(nonsense)
    durations = Durations(file)
    assert durations.last(("tcg",)) is None
    durations.remember(KEY, 2.0)
    durations.save()
    assert json.loads(file.read_text()) == {"version": 1, "seconds": [[*KEY, 2.0]]}


@given(
    written=st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_no_json_at_all_is_an_error(
    tmp_path_factory: pytest.TempPathFactory, written: object
) -> None:
    file = tmp_path_factory.mktemp("nonsense") / "durations.json"
    file.write_text(json.dumps({"version": 1, "seconds": written}))
    assert Durations(file).last(KEY) is None


def test_what_is_sound_beside_nonsense_is_kept(file: Path) -> None:
    file.write_text('{"version": 1, "seconds": [["a", "b", 3], ["c", "nonsense"]]}')
    assert Durations(file).last(("a", "b")) == 3


def test_runs_side_by_side_lose_nothing_of_each_other(file: Path) -> None:
    def run(number: int) -> None:
        for turn in range(5):
            durations = Durations(file)
            durations.remember((f"run-{number}", str(turn)), turn)
            durations.save()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    known = Durations(file)
    assert [known.last((f"run-{n}", str(turn))) for n in range(4) for turn in range(5)] == [
        turn for _ in range(4) for turn in range(5)
    ]


def test_those_that_were_used_last_are_kept(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 2)
    for key in ("old", "used", "new", "used"):
        durations = Durations(file)
        durations.remember((key,), 1)
        durations.save()
    known = Durations(file)
    assert [known.last((key,)) for key in ("old", "new", "used")] == [None, 1, 1]


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    durations = Durations(tmp_path / "taken" / "durations.json")
    durations.save()
    durations.remember(KEY, 1)
    with pytest.raises(HostError):
        durations.save()
