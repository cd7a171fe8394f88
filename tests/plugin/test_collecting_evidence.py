"""When the plugin has evidence collected, and whom it names to the transcript; nothing boots."""

from __future__ import annotations

import pytest
from stand_in_project import log_of, write_project

pytestmark = pytest.mark.slow

FAILING = "from pytest_charly import Bed\nbed = Bed('check-two')\ndef test_x(bed): assert {holds}\n"


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    return write_project(pytester)


def run(project: pytest.Pytester, holds: str, *words: str) -> pytest.RunResult:
    """The bed `check-two` with one check, which holds or does not."""
    (project.path / "test_two.py").write_text(FAILING.format(holds=holds))
    return project.runpytest_subprocess("--charly-bed=check-two", *words, "test_two.py")


def log(project: pytest.Pytester) -> list[str]:
    return [line.removesuffix(" check-two") for line in log_of(project)]


def test_good_phases_leave_evidence_only_when_asked(project: pytest.Pytester) -> None:
    run(project, "True")
    assert log(project) == ["up", "rebuild", "down"]
    (project.path / "log").unlink()
    run(project, "True", "--charly-collect=always")
    assert log(project) == [
        *("up", "good-evidence-deployed", "rebuild", "good-evidence-rebuilt", "down")
    ]


def test_a_phase_is_collected_once(project: pytest.Pytester) -> None:
    run(project, "bed.phase == 'rebuilt'", "--charly-collect=always")
    assert log(project) == ["up", "evidence-deployed", "rebuild", "good-evidence-rebuilt", "down"]


def test_a_run_that_ends_early_leaves_what_was_asked_for(project: pytest.Pytester) -> None:
    run(project, "bed.phase == 'rebuilt'", "--charly-collect=always", "-x")
    assert log(project) == ["up", "evidence-deployed", "down"]


def test_evidence_that_cannot_be_written_hides_no_failure(project: pytest.Pytester) -> None:
    (project.path / "full").touch()
    result = run(project, "0 == 1", "--charly-no-rebuild")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*assert 0 == 1",
            "*charly evidence*",
            "could not be collected: cannot write: No space left on device",
        ]
    )
    result.stdout.no_fnmatch_line("*HostError*")


def test_evidence_that_cannot_be_written_fails_no_good_bed(project: pytest.Pytester) -> None:
    (project.path / "full").touch()
    result = run(project, "True", "--charly-collect=always")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines("*no evidence of check-two: cannot write: No space left on device")
    assert log(project)[-1] == "down"


def test_the_bed_hears_which_item_asks(project: pytest.Pytester) -> None:
    (project.path / "asking").touch()
    words = ("--charly-bed=check-one", "--charly-no-rebuild", "charly.yml", "test_one.py")
    project.runpytest_subprocess(*words)
    asking = [line.removesuffix(" check-one") for line in log_of(project)]
    assert asking == [
        "asking charly.yml::check-one::says-hello[deployed]",
        "up",
        "asking ",
        "asking test_one.py::test_first[deployed]",
        "asking ",
        "asking test_one.py::test_second[deployed]",
        "down",
    ]
