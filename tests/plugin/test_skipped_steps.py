"""YAML steps that a bed does not run: foreign ones are skipped, and gaps are errors."""

from __future__ import annotations

import pytest
from stand_in_project import log_of, write_project

pytestmark = pytest.mark.slow

STEPS = """\
shape:
  vm: {source: {kind: bootstrap}}
check-one:
  vm: {from: shape, disposable: true, requires_shared: [nvidia-gpus]}
  cluster: {check: nodes are ready, kube: nodes}
  desktop: {agent-check: it looks right}
  later: {check: not today, command: echo hello, skip: true}
  process: {check: it runs, spice: statsu}
  hello: {check: it says hello, command: echo hello, stdout: hello}
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    write_project(pytester)
    for module in pytester.path.glob("test_*.py"):
        module.unlink()
    (pytester.path / "charly.yml").write_text(STEPS)
    return pytester


def test_each_step_says_what_became_of_it(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess(
        "-v", "-rs", "--charly-bed=check-one", "--charly-no-rebuild"
    )
    assert dict(result.parseoutcomes()) == {"passed": 1, "skipped": 3, "errors": 1}
    result.stdout.fnmatch_lines(
        [
            "*process*",
            "*charly.yml:8: it runs: spice has no method statsu; did you mean status?",
            "SKIPPED*the verb kube is not one of ours",
            "SKIPPED*agent-check is an instruction to an AI",
            "SKIPPED*skip: true",
        ]
    )


def test_steps_that_do_not_run_bring_no_bed_up(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess(
        "--charly-bed=check-one", "--charly-no-rebuild", "-k", "cluster or desktop or process"
    )
    assert dict(result.parseoutcomes()) == {"skipped": 2, "errors": 1, "deselected": 2}
    assert log_of(project) == []


def test_what_is_doubtful_in_the_project_stands_in_the_header(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("--charly-bed=check-one", "--charly-no-rebuild")
    result.stdout.fnmatch_lines("charly warning: *did you mean 'nvidia-gpu'?")
