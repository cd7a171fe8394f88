"""`charly` for the tests of this room."""

from __future__ import annotations

from pathlib import Path

import pytest
from charly_process import Charly


@pytest.fixture
def charly(tmp_path: Path) -> Charly:
    return Charly(tmp_path)
