"""passt: whether it works is asked by starting one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from charly_vm.backend.passt import find_passt_obstacle
from charly_vm.host.process import find_tool


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where to put a program that is found as passt."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path / "passt"


def test_a_passt_that_cannot_isolate_itself_is_quoted(stand_in: Path) -> None:
    stand_in.write_text('#!/bin/sh\necho "Couldn\'t create user namespace" >&2\nexit 1\n')
    stand_in.chmod(0o755)
    assert find_passt_obstacle() == "Couldn't create user namespace"


def test_a_passt_that_does_not_listen_is_an_obstacle(stand_in: Path) -> None:
    stand_in.write_text("#!/bin/sh\nexit 0\n")
    stand_in.chmod(0o755)
    assert find_passt_obstacle() == "passt does not answer: No such file or directory"


def test_a_host_without_passt_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("charly_vm.backend.passt.find_tool", lambda name: None)
    assert find_passt_obstacle() == "the program passt is not installed"


def test_the_passt_of_this_host_works_or_says_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    # Not pytest's directory, whose name is too long for sockets.
    with tempfile.TemporaryDirectory() as directory:
        monkeypatch.setattr(tempfile, "tempdir", directory)
        reason = find_passt_obstacle()
        assert not list(Path(directory).iterdir())
    assert reason is None or reason
    assert (find_tool("passt") is None) == (reason == "the program passt is not installed")
