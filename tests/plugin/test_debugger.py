"""A person at the debugger: the guest stays up, they are told how to get in, no clock runs."""

from __future__ import annotations

import sys
import time

import neighbours
import pytest
from on_terminal import on_terminal
from stand_in_project import log_of, write_project

pytestmark = pytest.mark.slow

WORDS = (
    sys.executable, "-m", "pytest", "-p", "no:hypothesispytest", *neighbours.WITHOUT,
    "--charly-no-rebuild",
)  # fmt: skip


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    return write_project(pytester)


def test_after_a_failure_the_guest_is_there_until_the_debugger_is_left(
    project: pytest.Pytester,
) -> None:
    (project.path / "test_two.py").write_text(
        "from pytest_charly import Bed\nb = Bed('check-two')\ndef test_x(vm): assert 0\n"
    )
    words = [*WORDS, "--charly-bed=check-two", "--pdb"]
    with on_terminal(words, project.path, {}) as run:
        told = run.wait_for("(Pdb) ")
        assert "the guest stays up while the debugger is open: `charly vm ssh check-two`" in told
        assert log_of(project) == ["up check-two", "evidence-deployed check-two"]
        run.type("p vm.name")
        run.wait_for("'check-two'")
        run.wait_for("(Pdb) ")
        run.type("c")
        assert run.wait() == pytest.ExitCode.TESTS_FAILED
    assert log_of(project)[-1] == "down check-two"


@pytest.mark.parametrize(
    ("line", "words"),
    [("breakpoint()", ()), ("import pdb; pdb.set_trace()", ()), ("pass", ("--trace",))],
)
def test_nobody_is_timed_out_at_a_breakpoint_and_afterwards_the_clock_goes_on(
    project: pytest.Pytester, line: str, words: tuple[str, ...]
) -> None:
    (project.path / "test_two.py").write_text(
        "import time\nfrom pytest_charly import Bed\nb = Bed('check-two')\n"
        f"def test_x(vm):\n    {line}\n    time.sleep(60)\n"
    )
    words = (*WORDS, "--charly-bed=check-two", "--charly-timeout=2s", *words, "test_two.py")
    with on_terminal(words, project.path, {}) as run:
        told = run.wait_for("(Pdb) ")
        assert "`charly vm ssh check-two` logs in" in told
        time.sleep(2.5)
        run.type("p 'still ' + 'here'")
        run.wait_for("'still here'")
        run.wait_for("(Pdb) ")
        run.type("c")
        assert run.wait() == pytest.ExitCode.TESTS_FAILED
    assert "have taken more than 2s (--charly-timeout)" in run.shown
    assert "test_x: time.sleep(60)" in run.shown
    assert log_of(project)[-1] == "down check-two"


def test_leaving_the_run_from_the_debugger_removes_the_bed(project: pytest.Pytester) -> None:
    (project.path / "test_two.py").write_text(
        "from pytest_charly import Bed\nb = Bed('check-two')\ndef test_x(vm): breakpoint()\n"
    )
    with on_terminal([*WORDS, "--charly-bed=check-two"], project.path, {}) as run:
        run.wait_for("(Pdb) ")
        run.type("q")
        assert run.wait() == pytest.ExitCode.INTERRUPTED
    assert log_of(project) == ["up check-two", "down check-two"]


def test_a_check_outside_of_beds_is_debugged_as_ever(project: pytest.Pytester) -> None:
    (project.path / "test_a_plain.py").write_text("def test_plain(): breakpoint()\n")
    with on_terminal([*WORDS, "--charly-bed=check-two"], project.path, {}) as run:
        told = run.wait_for("(Pdb) ")
        assert "charly vm ssh" not in told
        run.type("c")
        assert run.wait() == 0
