"""How tests are shared out to the workers of pytest-xdist: by file, and the lab's all to one."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling


class ByFile(LoadFileScheduling):  # type: ignore[misc]
    """Each worker that had some of the lab's tests would boot a host of its own for them."""

    def _split_scope(self, nodeid: str) -> str:
        place = nodeid.partition("::")[0]
        return "tests/lab" if place.startswith("tests/lab/") else place


def make_scheduler(config: pytest.Config, log: Any) -> ByFile | None:
    """None where tests are shared out in another way than by file."""
    return ByFile(config, log) if config.getoption("dist") == "loadfile" else None
