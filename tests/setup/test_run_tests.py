"""setup/run-tests: one run as an ordinary user, two as root, and in CI no silent skip."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from stand_ins import CHECKOUT, StandIns


class Suite:
    """A checkout in which pytest and the account's run are stand-ins with chosen exit statuses."""

    def __init__(self, directory: Path) -> None:
        self.stand_ins = StandIns(directory / "stand-ins")
        self.script = directory / "setup/run-tests"
        self.script.parent.mkdir()
        shutil.copy(CHECKOUT / "setup/run-tests", self.script)
        shutil.copy(CHECKOUT / "setup/reaping", self.script.parent)
        self.pytest = directory / ".venv/bin/pytest"
        self.pytest.parent.mkdir(parents=True)
        self.as_account = directory / "setup/run-as-account"
        self.set_statuses(0, 0)

    def set_statuses(self, ours: int, of_the_account: int) -> None:
        shutil.copy(self.stand_ins.add("pytest", f"exit {ours}"), self.pytest)
        shutil.copy(self.stand_ins.add("account", f"exit {of_the_account}"), self.as_account)

    def run(self, user: int, *, ci: str = "") -> tuple[int, list[str]]:
        """The exit status, and how the two were called: root's own part last."""
        self.stand_ins.add("id", f"echo {user}")
        status = self.stand_ins.run(self.script, CI=ci).status
        calls = [call for call in self.stand_ins.calls if call.startswith(("account ", "pytest "))]
        return status, sorted(calls)


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    return Suite(tmp_path)


def test_an_ordinary_user_runs_everything_at_once(suite: Suite) -> None:
    status, calls = suite.run(1000)
    assert (status, len(calls)) == (0, 1)
    assert calls[0].startswith("pytest ")
    assert " -m " not in calls[0]


def test_root_leaves_what_needs_a_session_to_the_account(suite: Suite) -> None:
    status, [of_the_account, ours] = suite.run(0)
    assert status == 0
    assert ours.startswith("pytest ")
    assert ours.endswith(" -m not session")
    assert of_the_account.startswith("account ")
    assert of_the_account.endswith(" -m session")


@pytest.mark.parametrize("user", [0, 1000])
def test_ci_forbids_skips_in_every_run(suite: Suite, user: int) -> None:
    status, calls = suite.run(user, ci="true")
    assert status == 0
    assert calls
    assert all("--forbid-skips" in call for call in calls)


@pytest.mark.parametrize("statuses", [(1, 0), (0, 1), (5, 0), (0, 5)])
def test_a_failure_in_either_run_fails_the_suite_and_both_are_run(
    suite: Suite, statuses: tuple[int, int]
) -> None:
    suite.set_statuses(*statuses)
    status, calls = suite.run(0)
    assert status == 1
    assert len(calls) == 2


def test_an_ordinary_users_failure_keeps_its_status(suite: Suite) -> None:
    suite.set_statuses(2, 0)
    assert suite.run(1000)[0] == 2
