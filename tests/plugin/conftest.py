"""What tests of the plugin share: a pytest that starts at once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from warm_pytest import WarmPytest


@pytest.fixture(scope="session")
def warm_pytest() -> Iterator[WarmPytest]:
    warm = WarmPytest()
    yield warm
    warm.close()


@pytest.fixture(autouse=True)
def quick_start(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, warm_pytest: WarmPytest
) -> None:
    """`pytester.runpytest_subprocess` without the imports."""
    monkeypatch.setattr(pytester, "runpytest_subprocess", partial(warm_pytest.run, pytester))
