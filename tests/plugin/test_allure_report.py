"""What allure-pytest's results say of beds. That Allure's own tool opens them is a live test's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from stand_in_project import write_project

pytestmark = pytest.mark.slow

PROJECT = """\
shape:
  vm: {source: {kind: bootstrap}}
check-one:
  vm: {from: shape, disposable: true}
  says-hello: {check: it says hello, command: echo hello, stdout: hello}
  says-more: {check: it says more, command: echo more, stdout: less}
  says-less: {check: it says less, command: echo less, stdout: least}
"""

MODULE = """\
from pytest_charly import Bed
bed = Bed("check-one")
def test_up(bed):
    bed.machine.guest.run("echo asked; exit 3", timeout=9)
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    write_project(pytester)
    (pytester.path / "charly.yml").write_text(PROJECT)
    (pytester.path / "test_one.py").write_text(MODULE)
    for other in ("two", "a_plain"):
        (pytester.path / f"test_{other}.py").unlink()
    return pytester


Result = dict[str, Any]


def results(project: pytest.Pytester, *words: str) -> dict[tuple[str, str], Result]:
    """The results of a run, by the item's full name and its phase."""
    project.runpytest_subprocess("-p", "allure_pytest", "--alluredir=results", *words)
    found = [json.loads(file.read_text()) for file in project.path.glob("results/*-result.json")]
    return {(one["fullName"], label(one, "phase")): one for one in found}


def label(result: Result, name: str) -> str:
    return next((one["value"] for one in result["labels"] if one["name"] == name), "")


def attachments(result: Result) -> list[str]:
    return sorted(one["name"] for one in result.get("attachments", []))


def test_an_item_is_found_by_its_bed_and_phase(project: pytest.Pytester) -> None:
    found = results(project, "--charly-bed=check-one")
    assert len(found) == 8
    assert len({one["historyId"] for one in found.values()}) == 8
    one = found["test_one#test_up", "rebuilt"]
    for name, value in {
        "bed": "check-one",
        "phase": "rebuilt",
        "parentSuite": "check-one",
        "suite": "rebuilt",
    }.items():
        assert label(one, name) == value
    parameters = {each["name"]: each["value"] for each in one["parameters"]}
    assert parameters == {"bed": "check-one", "phase": "rebuilt"}


def test_a_step_of_yaml_is_called_by_its_prose_and_place(project: pytest.Pytester) -> None:
    found = results(project, "--charly-bed=check-one", "-k", "says_hello or says-hello")
    one = next(each for each in found.values() if "says-hello" in each["name"])
    assert one["name"] == "says-hello: it says hello"
    assert one["description"] == f"`{project.path / 'charly.yml'}:5`"


def test_what_ran_in_the_guest_are_steps(project: pytest.Pytester) -> None:
    found = results(project, "--charly-bed=check-one", "--charly-no-rebuild")
    (step,) = found["test_one#test_up", "deployed"]["steps"]
    assert step["name"] == "echo asked; exit 3"
    # A test may well want to hear a no.
    assert step["status"] == "passed"
    assert found["test_one#test_up", "deployed"]["start"] <= step["start"] <= step["stop"]
    (output,) = step["attachments"]
    said = (project.path / "results" / output["source"]).read_text()
    assert "asked" in said
    assert "status 3" in said


def test_evidence_is_attached_to_the_first_that_fails(project: pytest.Pytester) -> None:
    found = results(project, "--charly-bed=check-one")
    by_name = {(one["name"].partition(":")[0], phase): one for (_, phase), one in found.items()}
    for phase in ("deployed", "rebuilt"):
        first, second = (by_name[name, phase] for name in ("says-more", "says-less"))
        assert first["status"] == second["status"] == "failed"
        assert label(first, "charly_fault") == "check"
        assert "less" in first["statusDetails"]["trace"]
        assert attachments(first) == ["console.log", "domain.xml", "machine.json", "screen.png"]
        assert attachments(second) == []
        kinds = {one["name"]: one["type"] for one in first["attachments"]}
        assert kinds["screen.png"] == "image/png"
        assert kinds["domain.xml"] == "application/xml"
        source = next(one["source"] for one in first["attachments"] if one["name"] == "console.log")
        assert (project.path / "results" / source).read_text() == "what console.log <says>\n"


@pytest.mark.parametrize(("what", "fault"), [("broken", "bed"), ("defect", "charly")])
def test_whose_fault_it_is_can_be_told(project: pytest.Pytester, what: str, fault: str) -> None:
    (project.path / what).touch()
    found = results(project, "--charly-bed=check-one", "--charly-no-rebuild")
    statuses = sorted(one["status"] for one in found.values())
    assert statuses == ["broken", "skipped", "skipped", "skipped"]
    broken = next(one for one in found.values() if one["status"] == "broken")
    assert label(broken, "charly_fault") == fault
    categories = json.loads((project.path / "results/categories.json").read_text())
    assert [one["matchedStatuses"] for one in categories] == [["failed"], ["broken"], ["broken"]]


def test_each_worker_writes_its_own(project: pytest.Pytester) -> None:
    found = results(project, "--charly-bed=check-one", "-n1")
    assert len(found) == 8
    assert label(found["test_one#test_up", "deployed"], "bed") == "check-one"
    environment = (project.path / "results/environment.properties").read_text()
    assert "accelerator=" in environment


def test_items_without_a_bed_are_left_alone(project: pytest.Pytester) -> None:
    (project.path / "test_plain.py").write_text("def test_plain(): pass\n")
    found = results(project, "--charly-bed=check-one", "test_plain.py")
    (one,) = found.values()
    assert label(one, "bed") == label(one, "phase") == ""


def test_an_item_that_is_run_again_has_a_result_of_each_attempt(project: pytest.Pytester) -> None:
    words = ("-p", "rerunfailures", "--reruns=1", "--charly-bed=check-one", "--charly-no-rebuild")
    project.runpytest_subprocess("-p", "allure_pytest", "--alluredir=results", *words)
    files = project.path.glob("results/*-result.json")
    found = [json.loads(file.read_text()) for file in files]
    again = [one for one in found if "says-more" in one["name"]]
    assert len(again) == 2
    for one in again:
        assert one["status"] == "failed"
        assert label(one, "bed") == "check-one"
        assert [step["name"] for step in one["steps"]] == ["echo more"]
