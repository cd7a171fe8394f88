"""Beside other people's plugins; tests/live/test_foreign_project.py shows all of them at once."""

from __future__ import annotations

import pytest
from stand_in_project import log_of, write_project

pytestmark = pytest.mark.slow

FLAKY = """\
from pathlib import Path
from pytest_charly import Bed
bed = Bed("check-one")


def test_flaky(bed):
    mark = Path(bed.phase)
    seen = mark.exists()
    mark.touch()
    assert seen
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    write_project(pytester)
    (pytester.path / "test_one.py").write_text(FLAKY)
    return pytester


def test_the_last_check_of_a_phase_is_run_again_on_the_same_machine(
    project: pytest.Pytester,
) -> None:
    words = ("-p", "rerunfailures", "--reruns=1", "--junit-xml=junit.xml", "-p", "junitxml")
    result = project.runpytest_subprocess("--charly-bed=check-one", *words)
    assert dict(result.parseoutcomes()) == {"passed": 5, "rerun": 2}
    assert log_of(project) == [
        *("up check-one", "evidence-deployed check-one"),
        *("rebuild check-one", "evidence-rebuilt check-one", "down check-one"),
    ]
    # JUnit's XML has each attempt as a test case: the first has a fault, the one that passed none.
    xml = (project.path / "junit.xml").read_text()
    attempts = [case for case in xml.split("<testcase")[1:] if "test_flaky" in case]
    assert ["charly_fault" in case for case in attempts] == [True, False] * 2
    result.stdout.no_fnmatch_line("charly: 1 check failed")


def test_a_bed_that_did_not_come_up_is_not_green_for_having_been_tried_again(
    project: pytest.Pytester,
) -> None:
    (project.path / "broken").touch()
    words = ("-p", "rerunfailures", "--reruns=2", "--charly-bed=check-one")
    result = project.runpytest_subprocess(*words)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert dict(result.parseoutcomes())["errors"] == 1
    assert log_of(project) == ["up check-one"]


def test_a_bed_that_cannot_be_removed_is_an_error_of_its_last_check(
    project: pytest.Pytester,
) -> None:
    conftest = project.path / "conftest.py"
    text = conftest.read_text().replace(
        'self.log("keep" if keep else "down")', 'raise HostError("it stays", hint="pull the plug")'
    )
    conftest.write_text(text)
    result = project.runpytest_subprocess("--charly-bed=check-one", "-k", "greets or hello")
    assert dict(result.parseoutcomes())["errors"] == 1
    result.stdout.fnmatch_lines(
        [
            "*ERROR at teardown of *",
            "the bed could not be removed",
            "it stays",
            "  hint: pull the plug",
            "charly: 1 bed could not be had",
        ]
    )
