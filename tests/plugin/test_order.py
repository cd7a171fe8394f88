"""Phases, order and what a choice of checks brings along."""

from __future__ import annotations

import pytest
from stand_in_project import log_of, write_project

pytestmark = pytest.mark.slow

STEPS = """\
shape:
  vm: {source: {kind: bootstrap}}
check-one:
  vm: {from: shape, disposable: true}
  makes: {run: make a directory, mkdir: "@HERE@/made"}
  keeps: {check: a word, command: echo word, capture: WORD, tag: [fast]}
  looks: {check: the directory is there, file: "@HERE@/made", tag: [slow]}
  uses: {check: the word is kept, matching: "${WORD}", contains: [{equals: word}]}
  waits: {check: after others, command: "true", depends_on: [looks]}
"""

MODULE = """\
import pytest
from pytest_charly import Bed
bed = Bed("check-one")
def test_both(bed): pass
@pytest.mark.deployed_only
def test_first(bed): assert bed.phase == "deployed"
@pytest.mark.rebuilt_only
class TestSecond:
    def test_inside(self, vm): assert vm.name == "check-one"
@pytest.mark.usefixtures("bed")
def test_used(): pass
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    write_project(pytester)
    for module in pytester.path.glob("test_*.py"):
        module.unlink()
    text = STEPS.replace("@HERE@", str(pytester.path))
    (pytester.path / "charly.yml").write_text(text)
    (pytester.path / "test_one.py").write_text(MODULE)
    return pytester


def order(result: pytest.RunResult) -> list[str]:
    """The names of what ran, with its outcome."""
    lines = [line for line in result.outlines if "::" in line and "%]" in line]
    return [line.rpartition("::")[2].rpartition(" [")[0].strip() for line in lines]


def run(project: pytest.Pytester, *words: str) -> pytest.RunResult:
    return project.runpytest_subprocess("-v", "--charly-bed=check-one", *words)


def test_steps_come_in_the_files_order_and_before_the_tests_of_their_phase(
    project: pytest.Pytester,
) -> None:
    names = ["makes", "keeps", "looks", "uses", "waits"]
    assert order(run(project, "--strict-markers")) == [
        *(f"{name}[deployed] PASSED" for name in names),
        *(f"test_{name}[deployed] PASSED" for name in ("both", "first", "used")),
        *(f"{name}[rebuilt] PASSED" for name in names),
        *(f"test_{name}[rebuilt] PASSED" for name in ("both", "inside", "used")),
    ]
    assert log_of(project) == ["up check-one", "rebuild check-one", "down check-one"]


@pytest.mark.parametrize(
    ("choice", "ran"),
    [
        (["-k", "keeps"], ["makes", "keeps"]),
        (["-k", "uses"], ["makes", "keeps", "uses"]),
        (["-k", "waits"], ["makes", "looks", "waits"]),
        (["-m", "slow"], ["makes", "looks"]),
        (["-m", "fast or slow"], ["makes", "keeps", "looks"]),
        (["charly.yml::check-one::uses[deployed]"], ["makes", "keeps", "uses"]),
        (["--deselect", "charly.yml::check-one::waits[deployed]", "-k", "waits or looks"],
         ["makes", "looks"]),
    ],
)  # fmt: skip
def test_a_choice_brings_along_what_it_needs(
    project: pytest.Pytester, choice: list[str], ran: list[str]
) -> None:
    result = run(project, "--charly-no-rebuild", *choice)
    assert order(result) == [f"{name}[deployed] PASSED" for name in ran]


def test_what_is_brought_along_is_not_counted_as_left_out(project: pytest.Pytester) -> None:
    result = run(project, "--charly-no-rebuild", "-k", "waits")
    assert dict(result.parseoutcomes()) == {"passed": 3, "deselected": 5}


def test_the_last_failed_brings_along_what_it_needs(project: pytest.Pytester) -> None:
    file = project.path / "charly.yml"
    good = file.read_text()
    file.write_text(good.replace("{equals: word}", "{equals: other}"))
    options = ("-p", "cacheprovider", "--charly-no-rebuild")
    assert dict(run(project, *options).parseoutcomes()) == {"passed": 7, "failed": 1}
    file.write_text(good)
    ran = ["makes", "keeps", "uses"]
    assert order(run(project, *options, "--lf")) == [f"{name}[deployed] PASSED" for name in ran]


def test_stepwise_goes_on_where_it_stopped(project: pytest.Pytester) -> None:
    file = project.path / "charly.yml"
    good = file.read_text()
    file.write_text(good.replace("{equals: word}", "{equals: other}"))
    options = ("-p", "cacheprovider", "--charly-no-rebuild", "--stepwise")
    assert order(run(project, *options))[-1] == "uses[deployed] FAILED"
    file.write_text(good)
    # What passed before the stop is left out, but for what the rest needs.
    names = ["makes", "keeps", "looks", "uses", "waits", "test_both", "test_first", "test_used"]
    again = [f"{name}[deployed] PASSED" for name in names]
    assert order(run(project, *options)) == again
    assert log_of(project) == [
        *("up check-one", "evidence-deployed check-one", "down check-one"),
        *("up check-one", "down check-one"),
    ]


@pytest.mark.parametrize("way", ["--setup-plan", "--collect-only"])
def test_a_plan_brings_nothing_up(project: pytest.Pytester, way: str) -> None:
    result = run(project, way)
    assert result.ret == 0
    assert log_of(project) == []
    result.stdout.fnmatch_lines("*looks?rebuilt?*")


def test_a_random_order_shuffles_tests_within_their_phase_alone(project: pytest.Pytester) -> None:
    (project.path / "shuffle.py").write_text(
        "import pytest\n"
        "@pytest.hookimpl(tryfirst=True)\n"
        "def pytest_collection_modifyitems(items): items.reverse()\n"
    )
    ran = order(run(project, "-p", "shuffle"))
    assert ran[:5] == [
        f"{name}[deployed] PASSED" for name in ("makes", "keeps", "looks", "uses", "waits")
    ]
    assert ran[5:8] == [f"test_{name}[deployed] PASSED" for name in ("used", "first", "both")]
    assert log_of(project) == ["up check-one", "rebuild check-one", "down check-one"]


def test_every_kind_of_failure_is_counted_by_itself(project: pytest.Pytester) -> None:
    file = project.path / "charly.yml"
    file.write_text(file.read_text().replace("{equals: word}", "{equals: other}"))
    (project.path / "rebuild-broken").touch()
    result = run(project, "--junit-xml=junit.xml", "-p", "junitxml")
    result.stdout.fnmatch_lines("charly: 1 check failed; 1 bed could not be had")
    xml = (project.path / "junit.xml").read_text()
    assert xml.count('<property name="charly_fault" value="check" />') == 1
    assert xml.count('<property name="charly_fault" value="bed" />') == 1
