"""What live tests share: the tiny guest's disk, kept between runs, and projects that use it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from platformdirs import user_cache_path
from tiny_guest import build_tiny_image
from workspace import Workspace, workspace


@pytest.fixture(scope="session")
def tiny_image() -> Path:
    """A read-only base for overlays; `tiny_guest` says what its guest can do."""
    return build_tiny_image(user_cache_path("charly-tests"))


@pytest.fixture
def here(tiny_image: Path) -> Iterator[Workspace]:
    """A project with the tiny guest, on the qemu backend."""
    with workspace(tiny_image, "qemu") as made:
        yield made


@pytest.fixture(params=["qemu", pytest.param("libvirt", marks=pytest.mark.session)])
def there(request: pytest.FixtureRequest, tiny_image: Path) -> Iterator[Workspace]:
    """A project with the tiny guest, on each backend."""
    with workspace(tiny_image, request.param) as made:
        yield made
