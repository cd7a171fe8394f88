"""What tests of the plugin share: a pytest that starts at once."""

from __future__ import annotations

import time
from os import PathLike

import neighbours
import pytest
from warm_start import WarmStart

WORDS = (
    # Installed for our own tests, and half a second of each start.
    *("-p", "no:hypothesispytest"),
    # pytester leaves out what the environment says.
    *neighbours.WITHOUT,
    # The engine is here before pytest, which would like to rewrite its assertions.
    *("-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"),
)


@pytest.fixture(autouse=True)
def quick_start(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, warm_start: WarmStart
) -> None:
    """`pytester.runpytest_subprocess` without the imports."""
    # pytester gives each test a home of its own.
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)

    def run(*words: str | PathLike[str]) -> pytest.RunResult:
        started = time.perf_counter()
        done = warm_start.run(
            "pytest", [*WORDS, *map(str, words)], directory=pytester.path, environment={}
        )
        print(done.stdout, done.stderr, sep="")
        return pytest.RunResult(
            done.status,
            done.stdout.splitlines(),
            done.stderr.splitlines(),
            time.perf_counter() - started,
        )

    monkeypatch.setattr(pytester, "runpytest_subprocess", run)
