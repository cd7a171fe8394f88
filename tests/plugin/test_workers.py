"""Beds over the workers of pytest-xdist."""

from __future__ import annotations

import pytest
from stand_in_project import log_of, write_project

pytestmark = pytest.mark.slow

BEDS = """\
shape:
  vm: {source: {kind: bootstrap}}
check-one:
  vm: {from: shape, disposable: true}
  first: {check: x, command: "true"}
  second: {check: x, command: "true"}
check-two:
  vm: {from: shape, disposable: true}
  first: {check: x, command: "true"}
  second: {check: x, command: "true"}
"""

CLAIMING = """\
shape:
  vm: {source: {kind: bootstrap}, ram: 64M, cpu: 1}
"""

CLAIMS = {
    "check-alone": "requires_exclusive: [gpu]",
    "check-beside": "requires_shared: [gpu]",
    "check-none": "",
    "check-alone-too": "requires_exclusive: [gpu]",
    "check-beside-too": "requires_shared: [gpu]",
    "check-by-marker": "",
}

MARKED = """\
import pytest
from pytest_charly import Bed
bed = Bed("check-by-marker")
@pytest.mark.requires_exclusive("gpu")
def test_alone(bed): pass
"""

WHERE = """\
import os
from pytest_charly import Bed
bed = Bed("{bed}")
def test_where(bed):
    with open("where", "a") as file:
        print(bed.name, bed.phase, os.environ["PYTEST_XDIST_WORKER"], file=file)
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    write_project(pytester)
    (pytester.path / "charly.yml").write_text(BEDS)
    for name in ("one", "two"):
        (pytester.path / f"test_{name}.py").write_text(WHERE.format(bed=f"check-{name}"))
    return pytester


def run(project: pytest.Pytester, *words: str) -> pytest.RunResult:
    return project.runpytest_subprocess("-n2", "-v", "--charly-bed=*", *words)


@pytest.mark.parametrize("first", ["xdist", "charly"])
def test_each_bed_stays_on_one_worker_and_beds_spread(project: pytest.Pytester, first: str) -> None:
    # Which of the two comes first is the order of a directory.
    result = run(project, "-p", first)
    assert dict(result.parseoutcomes()) == {"passed": 13}
    rows = [line.split() for line in (project.path / "where").read_text().splitlines()]
    workers = {
        name: {row[2] for row in rows if row[0] == name} for name in ("check-one", "check-two")
    }
    assert all(len(found) == 1 for found in workers.values())
    assert workers["check-one"] != workers["check-two"]
    for name in workers:
        mine = [line for line in log_of(project) if line.endswith(name)]
        assert mine == [f"up {name}", f"rebuild {name}", f"down {name}"]
    # The bed is in no id that people see.
    result.stdout.no_fnmatch_line("*@charly:*")
    result.stdout.fnmatch_lines("*PASSED charly.yml::check-one::second?rebuilt?*")


def test_a_worker_that_crashes_ends_its_bed_and_no_other(project: pytest.Pytester) -> None:
    (project.path / "test_one.py").write_text(
        "import os\nfrom pytest_charly import Bed\nbed = Bed('check-one')\n"
        "def test_crash(bed): os._exit(9)\n"
    )
    result = run(project)
    # Of check-one: two steps, the crash, and an error for what follows it in both phases.
    assert dict(result.parseoutcomes()) == {"passed": 9, "failed": 1, "errors": 3}
    result.stdout.fnmatch_lines(
        [
            "*the worker that ran check-one crashed, and the bed with it*",
            "*worker 'gw*' crashed while running 'test_one.py::test_crash?deployed?'*",
        ]
    )
    assert [line for line in log_of(project) if line.endswith("check-one")] == ["up check-one"]


def test_what_workers_have_to_say_is_said_at_the_end(project: pytest.Pytester) -> None:
    text = (project.path / "charly.yml").read_text()
    (project.path / "charly.yml").write_text(text.replace('"true"', '"false"', 1))
    result = run(project, "--charly-no-rebuild", "--charly-keep=failed")
    result.stdout.fnmatch_lines(["*check-one is kept*", "charly: 1 check failed"])


@pytest.fixture
def claiming(pytester: pytest.Pytester) -> pytest.Pytester:
    """Beds that have a GPU alone, share it, or have none, in an order that changes about."""
    write_project(pytester)
    for module in pytester.path.glob("test_*.py"):
        module.unlink()
    text = CLAIMING
    for name, claims in CLAIMS.items():
        words = ", ".join(filter(None, ["from: shape", "disposable: true", claims]))
        text += f"{name}:\n  vm: {{{words}}}\n  first: {{check: x, command: sleep 0.1}}\n"
    (pytester.path / "charly.yml").write_text(text)
    (pytester.path / "test_marked.py").write_text(MARKED)
    return pytester


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_token_is_used_in_one_way_and_then_in_the_other(
    claiming: pytest.Pytester, workers: int
) -> None:
    words = [f"-n{workers}"] if workers else []
    result = claiming.runpytest_subprocess("--charly-bed=*", *words)
    assert dict(result.parseoutcomes()) == {"passed": 14}
    log = [line.split() for line in log_of(claiming)]
    begun = [name for what, name in log if what == "up"]
    ways = [name.split("-")[1].replace("by", "alone") for name in begun]
    of_the_gpu = [way for way in ways if way != "none"]
    assert of_the_gpu in (["alone"] * 3 + ["beside"] * 2, ["beside"] * 2 + ["alone"] * 3)
    # No bed is up while another one has alone what it claims.
    up: set[str] = set()
    for what, name in log:
        if what == "up":
            assert "alone" not in up or name == "check-none"
        way = name.split("-")[1].replace("by", "alone")
        if what in ("up", "down") and way != "none":
            up = up | {way} if what == "up" else up - {way}


def test_a_bed_of_one_check_and_what_waits_for_it_both_run(claiming: pytest.Pytester) -> None:
    result = claiming.runpytest_subprocess(
        "-n2", "--charly-bed=check-alone*", "--charly-no-rebuild"
    )
    assert dict(result.parseoutcomes()) == {"passed": 2}
    names = ("check-alone", "check-alone-too")
    runs = [[f"up {name}", f"down {name}"] for name in names]
    assert log_of(claiming) in (runs[0] + runs[1], runs[1] + runs[0])
