"""Machines of these tests live in directories of their own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _own_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for variable in ("DATA", "CACHE", "STATE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{variable}_HOME", str(tmp_path / variable))
    # A socket's path may have 107 bytes, most of which pytest's directories take.
    with tempfile.TemporaryDirectory(prefix="charly-") as run:
        monkeypatch.setenv("XDG_RUNTIME_DIR", run)
        yield
