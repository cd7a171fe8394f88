"""`charly` for the tests of this room."""

from __future__ import annotations

from pathlib import Path

import pytest
from charly_process import Charly
from warm_start import WarmStart


@pytest.fixture
def charly(tmp_path: Path, warm_start: WarmStart) -> Charly:
    return Charly(tmp_path, warm_start)
