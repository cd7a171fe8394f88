"""What tests about disks share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from image_server import ImageServer, image_server
from watcher import Watcher

from charly_vm.disk.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "images")


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


@pytest.fixture
def server() -> Iterator[ImageServer]:
    with image_server() as running:
        yield running
