"""setup/run-tests: the lab first, then guests and the rest, as root with the other parts beside the
guests, and in CI no silent skip."""

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
        self.set_statuses(0, 0, 0, 0)

    def set_statuses(self, lab: int, guests: int, rest: int, of_the_account: int) -> None:
        each = (
            f"case \"$*\" in *'-m lab'*) exit {lab} ;; *'-m live'*) exit {guests} ;; "
            f"*'-m not live'*) exit {rest} ;; esac; exit 99"
        )
        shutil.copy(self.stand_ins.add("pytest", each), self.pytest)
        shutil.copy(self.stand_ins.add("account", f"exit {of_the_account}"), self.as_account)

    def run(self, user: int, *words: str, ci: str = "") -> tuple[int, list[str]]:
        """The exit status, and how they were called: the account's, the lab's, those with guests,
        and the rest."""
        self.stand_ins.add("id", f"echo {user}")
        status = self.stand_ins.run(self.script, *words, CI=ci).status
        calls = [call for call in self.stand_ins.calls if call.startswith(("account ", "pytest "))]
        return status, sorted(calls, key=lambda call: (call[0], call.rpartition(" -m ")[2]))


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    return Suite(tmp_path)


def test_an_ordinary_user_runs_the_lab_and_then_the_rest(suite: Suite) -> None:
    status, calls = suite.run(1000)
    assert status == 0
    assert [call.rpartition(" -m ")[2] for call in calls] == [
        "lab tests/lab",
        "live and not lab",
        "not live and not lab",
    ]
    assert all(call.startswith("pytest ") for call in calls)


def test_root_leaves_what_needs_a_session_to_the_account(suite: Suite) -> None:
    status, [of_the_account, of_the_lab, *ours] = suite.run(0)
    assert status == 0
    assert of_the_lab.endswith(" -m lab tests/lab")
    assert [call.rpartition(" -m ")[2] for call in ours] == [
        "live and not session and not lab",
        "not live and not session and not lab",
    ]
    assert of_the_account.startswith("account ")
    assert of_the_account.endswith(" -m session")


@pytest.mark.parametrize("user", [0, 1000])
def test_ci_forbids_skips_in_every_run(suite: Suite, user: int) -> None:
    status, calls = suite.run(user, ci="true")
    assert status == 0
    assert len(calls) > 1
    assert all("--forbid-skips" in call for call in calls)


@pytest.mark.parametrize(
    "statuses",
    [tuple(bad * (place == one) for place in range(4)) for bad in (1, 5) for one in range(4)],
)
def test_a_failure_in_any_run_fails_the_suite_and_all_are_run(
    suite: Suite, statuses: tuple[int, int, int, int]
) -> None:
    suite.set_statuses(*statuses)
    status, calls = suite.run(0)
    assert status == 1
    assert len(calls) == 4


def test_a_choice_may_leave_nothing_for_some_runs(suite: Suite) -> None:
    suite.set_statuses(5, 0, 5, 5)
    status, [_, of_the_lab, *_] = suite.run(0, "-k", "lifecycle")
    assert status == 0
    assert of_the_lab.endswith(" -m lab -k lifecycle")


def test_an_interrupted_lab_ends_the_suite(suite: Suite) -> None:
    suite.set_statuses(2, 0, 0, 0)
    status, calls = suite.run(0)
    assert (status, len(calls)) == (2, 1)


@pytest.mark.parametrize("statuses", [(0, 1, 0, 0), (0, 0, 1, 0), (1, 1, 1, 0)])
def test_an_ordinary_users_failure_fails_the_suite(
    suite: Suite, statuses: tuple[int, int, int, int]
) -> None:
    suite.set_statuses(*statuses)
    status, calls = suite.run(1000)
    assert (status, len(calls)) == (1, 3)


def test_an_ordinary_user_who_interrupts_the_guests_means_all_of_it(suite: Suite) -> None:
    suite.set_statuses(0, 2, 0, 0)
    status, calls = suite.run(1000)
    assert (status, len(calls)) == (2, 2)


def test_what_comes_behind_an_interrupted_part_is_not_run(suite: Suite) -> None:
    everybody = "kill -INT -- -$(ps -o pgid= -p $$ | tr -d ' ')"
    interrupted = suite.stand_ins.add("account", f"trap '' INT; {everybody}; exit 2")
    shutil.copy(interrupted, suite.as_account)
    status, calls = suite.run(0)
    assert status == 1
    assert [call.rpartition(" -m ")[2] for call in calls] == [
        "session",
        "lab tests/lab",
        "live and not session and not lab",
    ]
