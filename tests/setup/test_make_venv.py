"""setup/make-venv: made once, made again when what determines it changed, never half made."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from stand_ins import CHECKOUT, StandIns

from charly_vm.host.process import Completed


class Checkout:
    """A copy of the set-up with an interpreter that stands in for Python, venv and pip."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.broken_network = directory / "broken-network"
        shutil.copytree(CHECKOUT / "setup", directory / "setup")
        for name in ("constraints.txt", "pyproject.toml"):
            shutil.copy(CHECKOUT / name, directory)
        self.stand_ins = StandIns(directory / "stand-ins")
        self.python = self.stand_ins.add(
            "python",
            f"""case "$*" in
              --version) echo "Python 3.11.0" ;;
              *_base_executable*) echo "$0" ;;
              "-m venv"*) mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;
              *" pip "*) [[ ! -e {self.broken_network} ]] ;;
            esac""",
        )

    def make_venv(self) -> Completed:
        return self.stand_ins.run(
            self.directory / "setup/make-venv", CHARLY_PYTHON=str(self.python)
        )

    def calls(self, part: str) -> int:
        return sum(part in call for call in self.stand_ins.calls)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_the_second_run_only_looks(checkout: Checkout) -> None:
    assert checkout.make_venv().status == 0
    assert checkout.calls(" pip ") > 0
    before = checkout.calls(" pip "), checkout.calls("-m venv")
    done = checkout.make_venv()
    assert (done.status, done.stdout, done.stderr) == (0, "", "")
    assert (checkout.calls(" pip "), checkout.calls("-m venv")) == before


def test_new_pins_are_installed_into_the_same_environment(checkout: Checkout) -> None:
    checkout.make_venv()
    before = checkout.calls(" pip ")
    with (checkout.directory / "constraints.txt").open("a") as stream:
        stream.write("six==1.17.0\n")
    assert checkout.make_venv().status == 0
    assert checkout.calls(" pip ") == 2 * before
    assert checkout.calls("-m venv") == 1


def test_another_interpreter_gets_an_environment_from_scratch(checkout: Checkout) -> None:
    checkout.make_venv()
    checkout.python = checkout.python.rename(checkout.python.with_name("other-python"))
    assert checkout.make_venv().status == 0
    assert checkout.calls("-m venv --clear") == 2


def test_a_set_up_that_broke_off_is_not_taken_for_good(checkout: Checkout) -> None:
    checkout.make_venv()
    (checkout.directory / "constraints.txt").write_text("setuptools==1\n")
    checkout.broken_network.touch()
    assert checkout.make_venv().status != 0
    checkout.broken_network.unlink()
    assert checkout.make_venv().status == 0
    assert checkout.calls("-m venv --clear") == 2


def test_a_python_that_is_too_old_is_refused_by_name(checkout: Checkout) -> None:
    checkout.python.write_text("#!/bin/sh\nexit 1\n")
    done = checkout.make_venv()
    assert done.status == 1
    assert f"no Python 3.11 or later found at {checkout.python}" in done.stderr
