"""What live tests share: the tiny guest's disk, built once and kept between runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from platformdirs import user_cache_path
from tiny_guest import build_tiny_image


@pytest.fixture(scope="session")
def tiny_image() -> Path:
    """A read-only base for overlays; `tiny_guest` says what its guest can do."""
    return build_tiny_image(user_cache_path("charly-tests"))
