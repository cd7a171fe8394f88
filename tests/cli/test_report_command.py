"""`charly check report`: the page of the latest run, and what keeps it from being one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from charly_process import Charly
from sample_run import write_sample

from charly_vm.report.index import write_report

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the evidence of a run beside it."""
    (tmp_path / "charly.yml").write_text("vm: {vm: {source: {kind: bootstrap}}}\n")
    evidence = tmp_path / "charly-evidence"
    write_report(write_sample(evidence, beds=2), evidence)
    return tmp_path


def test_the_page_is_rendered_anew_from_what_is_there(charly: Charly, project: Path) -> None:
    index = project / "charly-evidence" / "index.html"
    before = index.read_text()
    index.unlink()
    done = charly("check", "report", cwd=project)
    assert (done.status, done.stdout) == (0, f"{index}\n")
    assert index.read_text() == before
    (project / "charly-evidence" / "check-debian-1" / "deployed" / "screen.png").unlink()
    charly("check", "report", cwd=project)
    assert before.count("<img") == 4
    assert index.read_text().count("<img") == 3


def test_another_directory_needs_no_project(charly: Charly, project: Path) -> None:
    (project / "charly.yml").unlink()
    evidence = (project / "charly-evidence").rename(project / "kept")
    done = charly("check", "report", "--evidence", "kept", cwd=project)
    assert (done.status, done.stdout) == (0, f"{evidence}/index.html\n")


def test_as_json_it_is_the_record(charly: Charly, project: Path) -> None:
    done = charly("check", "report", "--json", cwd=project)
    assert json.loads(done.stdout) == json.loads(
        (project / "charly-evidence" / "run.json").read_text()
    )


def test_without_a_run_one_is_told_how_to_get_one(charly: Charly, tmp_path: Path) -> None:
    (tmp_path / "charly.yml").touch()
    done = charly("check", "report", cwd=tmp_path)
    assert (done.status, done.stdout) == (1, "")
    assert done.stderr.startswith(f"charly: there is no run in {tmp_path}/charly-evidence\n")
    assert "charly check run NAME" in done.stderr
    assert not (tmp_path / "charly-evidence").exists()


def test_the_users_browser_is_given_the_page(charly: Charly, project: Path) -> None:
    browser = project / "browser"
    browser.write_text(f'#!/bin/sh\necho "$@" >{project}/opened\n')
    browser.chmod(0o755)
    charly.environment["BROWSER"] = str(browser)
    assert charly("check", "report", "--open", cwd=project).status == 0
    opened = (project / "opened").read_text()
    assert opened == f"{(project / 'charly-evidence' / 'index.html').as_uri()}\n"


def test_no_browser_is_an_error_that_names_the_page(charly: Charly, project: Path) -> None:
    charly.environment |= {"BROWSER": "/nonexistent/browser", "PATH": "/nonexistent"}
    charly.environment |= {"DISPLAY": "", "WAYLAND_DISPLAY": ""}
    done = charly("check", "report", "--open", cwd=project)
    assert done.status == 1
    assert "there is no browser that can be started from here" in done.stderr
    assert str(project / "charly-evidence" / "index.html") in done.stderr
