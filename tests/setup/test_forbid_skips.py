"""`--forbid-skips` of the root conftest.py."""

from __future__ import annotations

import pytest
from stand_ins import CHECKOUT

SUITE = """
import pytest

@pytest.mark.skip(reason="by a mark")
def test_marked(): ...

def test_asking():
    pytest.skip("by a call")

@pytest.fixture
def absent():
    pytest.skip("by a fixture")

def test_with_fixture(absent): ...

@pytest.mark.xfail(strict=True)
def test_expected_failure():
    assert False

def test_good(): ...
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest((CHECKOUT / "conftest.py").read_text())
    pytester.makepyfile(SUITE)
    return pytester


def test_without_the_option_a_skip_is_a_skip(suite: pytest.Pytester) -> None:
    suite.runpytest().assert_outcomes(passed=1, skipped=3, xfailed=1)


def test_each_way_to_skip_becomes_a_failure_with_its_reason(suite: pytest.Pytester) -> None:
    result = suite.runpytest("--forbid-skips")
    # A skip during set-up is reported as an error there.
    result.assert_outcomes(passed=1, failed=1, errors=2, xfailed=1)
    for reason in ("by a mark", "by a call", "by a fixture"):
        result.stdout.fnmatch_lines([f"*skips are forbidden here*{reason}*"])


def test_a_module_that_skips_itself_is_an_error(suite: pytest.Pytester) -> None:
    suite.makepyfile(test_module='import pytest\npytest.importorskip("no_such_module")\n')
    result = suite.runpytest("--forbid-skips")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*skips are forbidden here*no_such_module*"])
