"""Which side of a copy is a machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from charly_vm.errors import StateError
from charly_vm.machine.copy import Place, copy_files, parse_place


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("debian-vm:/tmp/x", Place("debian-vm", "/tmp/x")),
        ("debian-vm:", Place("debian-vm", "")),
        ("debian-vm:a:b", Place("debian-vm", "a:b")),
        ("vm:debian-vm:/tmp", Place("debian-vm", "/tmp")),
        ("vm:/tmp", Place("vm", "/tmp")),
        ("x", Place("", "x")),
        ("./x:y", Place("", "./x:y")),
        ("/a/x:y", Place("", "/a/x:y")),
        (":x", Place("", ":x")),
        (".", Place("", ".")),
    ],
)
def test_a_name_before_a_colon_is_a_machine_unless_a_slash_comes_first(
    written: str, place: Place
) -> None:
    assert parse_place(written) == place


@pytest.mark.parametrize(
    ("sources", "destination"),
    [(["a"], "b"), (["x:a"], "y:b"), (["a", "x:b"], "c"), (["x:a", "y:b"], "c"), (["a"], "./x:y")],
)
def test_exactly_one_side_is_one_machine(sources: list[str], destination: str) -> None:
    with pytest.raises(StateError, match="from this host to one machine"):
        copy_files(sources, destination)


def test_a_machine_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    for sources, destination in ((["a"], "nothing:b"), (["nothing:a"], "b")):
        with pytest.raises(StateError, match="there is no machine charly-nothing"):
            copy_files(sources, destination)
